import Foundation

/// A limit on the memory this process may still take: what exceeds it ends the process.
///
/// For exit tests of readers: a header that lies about sizes must not lead to a huge allocation.
package enum MemoryLid {
  /// From now on, private memory may grow by this many bytes.
  package static func allow(bytes: Int) {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    var used = 0
    for line in status.split(separator: "\n") where line.hasPrefix("VmData:") {
      used = (Int(line.split(separator: " ").dropFirst().first ?? "") ?? 0) * 1024
    }
    precondition(used > 0, "/proc/self/status does not tell the memory in use")
    var limit = rlimit(rlim_cur: rlim_t(used + bytes), rlim_max: rlim_t(used + bytes))
    // SAFETY: the pointer is valid during the call.
    precondition(unsafe setrlimit(__rlimit_resource_t(2), &limit) == 0)  // RLIMIT_DATA
  }
}

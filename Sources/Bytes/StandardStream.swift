import CMartletPlatform

/// Standard output and standard error, unbuffered: what is written is there, or its failure is known.
package enum StandardStream: Int32, Sendable {
  case output = 1
  case error = 2

  /// Writes UTF-8.
  ///
  /// - Throws: `system`, e.g. where the output goes to a full disk.
  package func write(_ text: String) throws(BytesError) {
    let bytes = Array(text.utf8)
    if bytes.isEmpty { return }
    // SAFETY: the callee reads exactly `count` bytes during the call.
    let code = unsafe martlet_write_stream(rawValue, bytes, bytes.count)
    if code != 0 { throw .system(operation: .write, path: name, code: code) }
  }

  private var name: String {
    switch self {
    case .output: "/dev/stdout"
    case .error: "/dev/stderr"
    }
  }
}

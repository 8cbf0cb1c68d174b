import CMartletPlatform

/// Which processors this process runs on.
package enum Processors {
  /// Processors are numbered below this.
  private static let limit = 1 << 14

  /// Those this process may run on now, ascending.
  package static var allowed: [Int] {
    var marks = [UInt8](repeating: 0, count: limit)
    // SAFETY: the callee writes at most `limit` bytes.
    let count = unsafe martlet_allowed_processors(&marks, limit)
    var processors: [Int] = []
    for index in 0..<limit where count > 0 && marks[index] != 0 { processors.append(index) }
    return processors.isEmpty ? [0] : processors
  }

  /// Lets this thread and those it makes run on these only; call it before pools are made.
  ///
  /// - Throws: `processors` where the system lacks one of them, or forbids it.
  package static func restrict(to processors: [Int]) throws(BytesError) {
    let allowed = allowed
    guard !processors.isEmpty, processors.allSatisfy({ allowed.contains($0) }) else {
      throw .processors(requested: text(processors), allowed: text(allowed))
    }
    var marks = [UInt8](repeating: 0, count: limit)
    for index in processors { marks[index] = 1 }
    // SAFETY: the callee reads `limit` bytes.
    let code = unsafe martlet_restrict_processors(marks, limit)
    if code != 0 {
      throw .processors(requested: text(processors), allowed: text(allowed))
    }
  }

  /// Of some processors the fast ones: on boards with big and little cores a part of the work that falls to a little one
  /// holds all others up.
  ///
  /// Fast is what the system gives at least three quarters of the greatest capacity; all of them where it tells none.
  package static func fastest(of processors: [Int], root: String = "") -> [Int] {
    let files = MachineFiles(root: root)
    var capacities: [Int] = []
    for index in processors {
      guard let capacity = files.number("/sys/devices/system/cpu/cpu\(index)/cpu_capacity") else {
        return processors
      }
      capacities.append(capacity)
    }
    let greatest = capacities.max() ?? 0
    var fast: [Int] = []
    for (position, index) in processors.enumerated() where 4 * capacities[position] >= 3 * greatest
    {
      fast.append(index)
    }
    return fast
  }

  /// The numbers in a list such as `0-3,6`, ascending; `nil` for anything else.
  package static func list(_ text: String) -> [Int]? {
    var found = Set<Int>()
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      guard ends.count == 1 || ends.count == 2, let first = Int(ends[0]),
        let last = Int(ends[ends.count - 1]), first >= 0, first <= last, last < limit,
        ends[0].utf8.first != UInt8(ascii: "+")
      else { return nil }
      for index in first...last { found.insert(index) }
    }
    return found.sorted()
  }

  /// As a list that `list` reads.
  package static func text(_ processors: [Int]) -> String {
    var text = ""
    var index = 0
    while index < processors.count {
      var last = index
      while last + 1 < processors.count, processors[last + 1] == processors[last] + 1 { last += 1 }
      if !text.isEmpty { text += "," }
      text += "\(processors[index])"
      if last > index { text += "-\(processors[last])" }
      index = last + 1
    }
    return text
  }
}

/// The tensors among what a pickle described, by name, and what else there was.
struct TorchState {
  /// In the order of the file.
  private(set) var tensors: [(name: String, tensor: TorchTensor)] = []
  private(set) var remarks: [CheckpointRemark] = []

  /// Entries under which trainers keep the weights.
  private static let wrappers = ["state_dict", "model_state_dict", "model", "module"]
  /// What parallel training and compilation put before every name.
  private static let prefixes = ["module.", "_orig_mod."]

  /// - Parameter file: the file's name, for remarks.
  init(
    _ root: PickleValue, of machine: borrowing PickleMachine, file: String
  ) throws(CheckpointError) {
    guard case .dictionary(var index) = root else {
      throw machine.error("a dictionary of tensors", root.kind)
    }
    // Each step goes one entry deeper; a dictionary that holds itself ends after the longest chain.
    for _ in 0..<Self.wrappers.count {
      let entries = machine.dictionaries[index]
      guard let inner = Self.wrapped(entries, machine) else { break }
      remarks.append(.unwrapped(file: file, entry: inner.name))
      report(entries.filter { !$0.key.isString(inner.name) }, file)
      index = inner.index
    }
    var others: [(key: PickleValue, value: PickleValue)] = []
    var known: Set<String> = []
    for entry in machine.dictionaries[index] {
      guard case .tensor(let tensor) = entry.value else {
        others.append(entry)
        continue
      }
      guard case .string(let name) = entry.key else {
        throw machine.error("tensors by name", "a name that is \(entry.key.kind)")
      }
      if !known.insert(name).inserted {
        throw machine.error("every name once", "'\(name)' twice")
      }
      tensors.append((name, machine.tensors[tensor]))
    }
    report(others, file)
    if tensors.isEmpty {
      throw machine.error("a dictionary of tensors", Self.listed(machine.dictionaries[index]))
    }
    for prefix in Self.prefixes where tensors.allSatisfy({ $0.name.hasPrefix(prefix) }) {
      for position in tensors.indices { tensors[position].name.removeFirst(prefix.count) }
      remarks.append(.prefixRemoved(file: file, prefix: prefix))
    }
  }

  /// The dictionary inside that holds the weights, if this one only wraps it.
  private static func wrapped(
    _ entries: [(key: PickleValue, value: PickleValue)], _ machine: borrowing PickleMachine
  ) -> (name: String, index: Int)? {
    for name in wrappers {
      for entry in entries where entry.key.isString(name) {
        if case .dictionary(let inner) = entry.value, !machine.dictionaries[inner].isEmpty {
          return (name, inner)
        }
      }
    }
    return nil
  }

  private mutating func report(
    _ entries: [(key: PickleValue, value: PickleValue)], _ file: String
  ) {
    if entries.isEmpty { return }
    let names = entries.prefix(4).map { entry in
      if case .string(let name) = entry.key { name } else { entry.key.kind }
    }
    remarks.append(.entriesNotRead(file: file, count: entries.count, names: Array(names)))
  }

  /// The first keys of a dictionary, for an error.
  private static func listed(_ entries: [(key: PickleValue, value: PickleValue)]) -> String {
    if entries.isEmpty { return "an empty one" }
    let keys = entries.prefix(4).map { entry in
      if case .string(let name) = entry.key {
        "'\(name)' (\(entry.value.kind))"
      } else {
        entry.key.kind
      }
    }
    return "one of " + keys.joined(separator: ", ") + (entries.count > 4 ? ", …" : "")
  }
}

extension PickleValue {
  fileprivate func isString(_ other: String) -> Bool {
    if case .string(let text) = self { text == other } else { false }
  }
}

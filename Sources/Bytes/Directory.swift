import CMartletPlatform

/// What a path names.
package enum PathKind: Equatable, Sendable {
  case missing
  case file(byteCount: Int)
  case directory
  /// A device, a pipe or a socket.
  case other

  /// What `path` names, symbolic links followed.
  package init(of path: String) throws(BytesError) {
    var kind = MARTLET_PATH_MISSING
    var byteCount: UInt64 = 0
    // SAFETY: all pointers are valid during the call, which keeps none.
    let code = unsafe martlet_path_examine(path, &kind, &byteCount)
    if code != 0 { throw .system(operation: .examine, path: path, code: code) }
    switch kind {
    case MARTLET_PATH_MISSING: self = .missing
    case MARTLET_PATH_FILE: self = .file(byteCount: Int(clamping: byteCount))
    case MARTLET_PATH_DIRECTORY: self = .directory
    default: self = .other
    }
  }
}

/// Directories: their names, making them, joining paths.
package enum Directory {
  /// The names in a directory, sorted by their bytes; `.` and `..` left out.
  ///
  /// - Throws: `system`; `notUTF8` for a name that is not text.
  package static func names(in path: String) throws(BytesError) -> [String] {
    final class Names {
      var found: [String?] = []
    }
    let names = Names()
    // SAFETY: `names` outlives the call, and the callee calls back only during it.
    let code = unsafe martlet_list_directory(
      path, Unmanaged.passUnretained(names).toOpaque()
    ) { context, name in
      guard let context = unsafe context else { return }
      // SAFETY: `context` is the object passed above; `name` ends in a zero byte.
      unsafe Unmanaged<Names>.fromOpaque(context).takeUnretainedValue().found.append(
        String(validatingCString: name))
    }
    if code != 0 { throw .system(operation: .list, path: path, code: code) }
    var result: [String] = []
    for name in names.found {
      guard let name else { throw .notUTF8(source: path, offset: 0) }
      result.append(name)
    }
    return result.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Makes a directory and the ones above it that are missing.
  package static func make(_ path: String) throws(BytesError) {
    switch try PathKind(of: path) {
    case .directory: return
    case .file, .other: throw .system(operation: .makeDirectory, path: path, code: 20)  // ENOTDIR
    case .missing: break
    }
    let parent = parent(of: path)
    if parent != path { try make(parent) }
    // SAFETY: the path is valid during the call, which does not keep it.
    let code = unsafe martlet_make_directory(path)
    // Somebody else may have made it meanwhile.
    if code != 0, try PathKind(of: path) != .directory {
      throw .system(operation: .makeDirectory, path: path, code: code)
    }
  }

  /// `name` inside `directory`.
  package static func path(_ directory: String, _ name: String) -> String {
    directory.isEmpty || directory.utf8.last == UInt8(ascii: "/")
      ? directory + name : directory + "/" + name
  }

  /// The last part of a path, trailing slashes left out.
  package static func name(of path: String) -> String {
    var bytes = Array(path.utf8)
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")), bytes.count > 1 else {
      return String(decoding: bytes, as: UTF8.self)
    }
    return String(decoding: bytes[(slash + 1)...], as: UTF8.self)
  }

  /// The directory a path lies in: `.` for a bare name, `/` for the root.
  package static func parent(of path: String) -> String {
    var bytes = Array(path.utf8)
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    if slash == 0 { return "/" }
    return String(decoding: bytes[..<slash], as: UTF8.self)
  }
}

/// Files read whole into memory.
package enum SmallFile {
  /// All bytes of a file of at most `limit` bytes; `/proc` and `/sys` can be read too.
  ///
  /// - Throws: `fileTooLarge`, `notAFile`, `system`.
  package static func bytes(
    of path: String, limit: Int = 64 << 20
  ) throws(BytesError) -> [UInt8] {
    // Sizes of ordinary files are known; those of /proc and /sys read as 0 or a page.
    var capacity = 1 << 16
    if case .file(let byteCount) = try PathKind(of: path) {
      if byteCount > limit { throw .fileTooLarge(path: path, limit: limit) }
      capacity = max(capacity, byteCount)
    }
    capacity = min(capacity, limit)
    var count = 0
    var code: Int32 = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, filled in
      guard let base = buffer.baseAddress else { return }
      // SAFETY: the callee writes at most `capacity` bytes and reports how many.
      code = unsafe martlet_read_small_file(path, base, capacity, &count)
      filled = count
    }
    if code == MARTLET_NOT_A_FILE { throw .notAFile(path: path) }
    if code == MARTLET_TOO_LARGE { throw .fileTooLarge(path: path, limit: capacity) }
    if code != 0 { throw .system(operation: .open, path: path, code: code) }
    return bytes
  }

  /// A small UTF-8 text.
  package static func text(of path: String, limit: Int = 64 << 20) throws(BytesError) -> String {
    let bytes = try bytes(of: path, limit: limit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .notUTF8(source: path, offset: UTF8Check.firstInvalid(in: bytes.span) ?? 0)
    }
    return text
  }
}

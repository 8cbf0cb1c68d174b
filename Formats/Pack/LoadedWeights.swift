// Weights ready for the kernels. One of the module's files with pointers.

import CMartletPlatform
import MartletBytes
import MartletModel

/// The weights of a pack, checked and unpacked: raw components where they are mapped, the others in one arena.
///
/// Every component begins at a multiple of 64 bytes. Nothing changes after `init`, so any thread may read.
@safe package final class LoadedWeights: @unchecked Sendable {
  // SAFETY (of the conformance): the arena is written in `init` only.

  /// Memory held for components that were stored compressed.
  package let arenaBytes: Int
  /// Size of the components used where they are mapped; their pages are shared and can be dropped by the system.
  package let mappedBytes: Int
  /// The largest tensor of these.
  package let largestMappedBytes: Int
  private let pack: Pack
  private let arena: UnsafeMutableRawPointer?
  private let parameters: [String: LoadedParameter]

  /// What the weights of some networks take, told from the pack's directory alone.
  package struct Need: Equatable, Sendable {
    /// Unpacked, because they are stored compressed.
    package var arenaBytes = 0
    /// Used where they are mapped.
    package var mappedBytes = 0
    /// The largest tensor of these: the least that must be there at one time.
    package var largestMappedBytes = 0
  }

  package static func need(of roles: [NetworkRole]?, in pack: Pack) -> Need {
    let indices = tensors(of: roles, in: pack)
    let frames = FrameList(pack, tensors: indices)
    var need = Need(arenaBytes: frames.arenaBytes, mappedBytes: frames.mappedBytes)
    for index in indices {
      var mapped = 0
      for component in pack.tensors[index].components where component.storage == .raw {
        mapped += Int(component.byteCount)
      }
      need.largestMappedBytes = max(need.largestMappedBytes, mapped)
    }
    return need
  }

  /// Checks the weights of some networks and keeps nothing of them in memory.
  /// - Throws: `checksum` of the first damaged frame.
  package static func check(
    _ roles: [NetworkRole], of pack: Pack, pool: ThreadPool
  ) throws(PackError) {
    try FrameList(pack, tensors: tensors(of: roles, in: pack), dropsPages: true)
      .check(in: pack.file, pool: pool)
  }

  /// Has the system read the weights of some networks, for what loads them later, while the result lives.
  package static func readAhead(_ roles: [NetworkRole], of pack: Pack) -> ReadingAhead? {
    ReadingAhead(pack.file, FrameList(pack, tensors: tensors(of: roles, in: pack)).extent)
  }

  /// Lets go of the pages of mapped weights; the next use reads them from the file again.
  package func dropPages() {
    // A refusal changes only the memory that is held.
    do throws(BytesError) { try pack.file.discard(0..<pack.file.count) } catch {}
  }

  /// Checks and unpacks the weights of a pack on all threads of the pool.
  /// - Parameter roles: the networks whose weights are wanted; all of them where `nil`.
  /// - Parameter dropsPages: mapped weights are let go as soon as they are checked.
  /// - Throws: `checksum` or `frame` with tensor, component, frame and offset of the first damaged frame; `memory`.
  package init(
    _ pack: Pack, roles: [NetworkRole]? = nil, dropsPages: Bool = false, pool: ThreadPool
  ) throws(PackError) {
    let indices = Self.tensors(of: roles, in: pack)
    let frames = FrameList(pack, tensors: indices, dropsPages: dropsPages)
    self.pack = pack
    arenaBytes = frames.arenaBytes
    mappedBytes = frames.mappedBytes
    largestMappedBytes = Self.need(of: roles, in: pack).largestMappedBytes
    // SAFETY: made here, given back in `deinit` only; the size is what was asked for.
    let arena = unsafe frames.arenaBytes == 0 ? nil : martlet_allocate(frames.arenaBytes)
    unsafe self.arena = arena
    if let arena = unsafe arena {
      do {
        try unsafe frames.unpack(in: pack.file, arena: arena, pool: pool)
      } catch {
        unsafe martlet_deallocate(arena, frames.arenaBytes)
        throw error
      }
    } else {
      if frames.arenaBytes > 0 { throw .memory(byteCount: frames.arenaBytes) }
      try frames.check(in: pack.file, pool: pool)
    }
    parameters = unsafe Self.parameters(pack, indices, frames, arena: arena)
  }

  deinit {
    // SAFETY: made in `init`; no `LoadedParameter` may be used any more.
    if let arena = unsafe arena { unsafe martlet_deallocate(arena, arenaBytes) }
  }

  /// The weights of a parameter, or `nil` where it is not loaded. Valid while this object lives.
  package subscript(_ name: String) -> LoadedParameter? { parameters[name] }

  /// The weights of a parameter. Valid while this object lives.
  /// - Throws: `noTensor`.
  package func parameter(_ name: String) throws(PackError) -> LoadedParameter {
    guard let parameter = parameters[name] else { throw .noTensor(name: name) }
    return parameter
  }

  private static func tensors(of roles: [NetworkRole]?, in pack: Pack) -> [Int] {
    guard let roles else { return Array(pack.tensors.indices) }
    var indices: [Int] = []
    var start = 0
    for network in pack.description.networks {
      let end = start + network.parameters.count
      if roles.contains(network.role) { indices += start..<end }
      start = end
    }
    return indices
  }

  @unsafe private static func parameters(
    _ pack: Pack, _ indices: [Int], _ frames: FrameList, arena: UnsafeMutableRawPointer?
  ) -> [String: LoadedParameter] {
    // SAFETY: places lie in the arena or in the file, which the object keeps alive.
    let file = unsafe pack.file.unsafeBytes.baseAddress
    var parameters: [String: LoadedParameter] = [:]
    var next = 0
    for index in indices {
      let tensor = pack.tensors[index]
      var parts: [LoadedParameter.Part] = []
      for component in tensor.components {
        let start: UnsafeRawPointer? =
          switch frames.places[next] {
          case .arena(let offset): unsafe arena.map { unsafe UnsafeRawPointer($0 + offset) }
          case .file(let offset): unsafe file.map { unsafe $0 + offset }
          }
        next += 1
        unsafe parts.append(
          LoadedParameter.Part(
            component: component.component,
            bytes: UnsafeRawBufferPointer(start: start, count: Int(component.byteCount))))
      }
      parameters[tensor.name] = LoadedParameter(
        shape: tensor.shape, encoding: tensor.encoding, parts: parts)
    }
    return parameters
  }
}

/// One parameter's weights in memory. Valid while the `LoadedWeights` it came from lives.
@safe package struct LoadedParameter: @unchecked Sendable {
  // SAFETY (of the conformance): the bytes never change.

  package let shape: [Int]
  package let encoding: WeightEncoding
  fileprivate let parts: [Part]

  @safe fileprivate struct Part {
    let component: WeightComponent
    let bytes: UnsafeRawBufferPointer
  }

  /// The bytes of a component, at a multiple of 64; empty where the encoding has no such component.
  @unsafe package func bytes(_ component: WeightComponent) -> UnsafeRawBufferPointer {
    for part in parts where part.component == component { return unsafe part.bytes }
    return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
  }

  /// A copy of the bytes of a component, for tests and listings.
  package func copy(_ component: WeightComponent) -> [UInt8] {
    // SAFETY: read during the call only.
    unsafe [UInt8](bytes(component))
  }
}

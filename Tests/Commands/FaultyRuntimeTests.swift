import CFaultyKernels
import Foundation
import MartletBytes
import MartletImages
import MartletModel
import MartletPack
import MartletProof
import MartletRuntime
import Testing

/// A pack that is right, on a runtime that is not: what a board with a bad build would see.
@Suite(.serialized) struct FaultyRuntimeTests {
  private let pack: Pack
  private let pool: ThreadPool
  private let model: LoadedModel

  init() throws {
    pack = try Pack(path: Proven.pack)
    pool = try ThreadPool(threads: 2)
    model = try LoadedModel(pack, pool: pool)
  }

  private func outcome(
    _ set: InstructionSet, threads: Int = 2, fuse: Bool = true
  ) throws -> ProofOutcome {
    try ProofCheck(
      pack, model: model,
      options: RunOptions(instructionSet: set, threads: threads, fuse: fuse), pool: pool
    ).outcome()
  }

  /// The measurement behind comparing bit for bit: nothing a machine may choose changes a value.
  @Test func everyWayToRunGivesTheSameBits() throws {
    for set in InstructionSet.available {
      // The plain kernels take seconds: once will do.
      for fuse in set.name == "scalar" ? [true] : [true, false] {
        let found = try outcome(set, fuse: fuse)
        #expect(found.departure == nil, "\(set.name)")
        #expect(found.goldens == 2)
      }
    }
  }

  struct Fault: CustomTestStringConvertible, Sendable {
    var fault: faulty_kernel
    var name: String
    /// Whether a layer of this kind is the first that can show it.
    var shows: @Sendable (Op) -> Bool

    var testDescription: String { name }
  }

  static let faults: [Fault] = [
    Fault(fault: FAULTY_PRODUCT, name: "product") { if case .linear = $0 { true } else { false } },
    Fault(fault: FAULTY_ROUNDING, name: "rounding to codes") {
      if case .linear = $0 { true } else { false }
    },
    Fault(fault: FAULTY_DEPTHWISE, name: "depthwise") {
      if case .depthwise = $0 { true } else { false }
    },
    Fault(fault: FAULTY_SOFTMAX, name: "softmax") {
      if case .attention = $0 { true } else { false }
    },
    Fault(fault: FAULTY_RMS_NORM, name: "RMS norm") {
      if case .rmsNorm = $0 { true } else { false }
    },
  ]

  @Test(arguments: faults)
  func theFirstLayerOfAFaultyKernelIsNamed(fault: Fault) throws {
    let kernels = unsafe faulty_kernels(InstructionSet.best.kernels, fault.fault)
    let set = unsafe InstructionSet(.best, standIn: kernels)
    let departure = try #require(try outcome(set).departure, "not found")
    let first = try #require(
      pack.description.networks.flatMap(\.layers).first { fault.shows($0.op) }?.name)
    guard case .layer(_, let evidence) = departure else {
      Issue.record("\(departure)")
      return
    }
    #expect(evidence.layers == [first])
    #expect(!evidence.isPackChanged)
  }

  @Test func aFaultInDecodingAloneShowsInTheText() throws {
    let kernels = unsafe faulty_kernels(InstructionSet.best.kernels, FAULTY_DECODING)
    let set = unsafe InstructionSet(.best, standIn: kernels)
    guard case .text(_, let expected, let found, _) = try outcome(set).departure else {
      Issue.record("not named as text")
      return
    }
    #expect(expected != found)
  }

  /// A pack cannot ask for another filter; a build could have it.
  @Test func bilinearInsteadOfBicubicIsNamedPixels() throws {
    var check = try ProofCheck(
      pack, model: model, options: RunOptions(threads: 2), pool: pool)
    check.preparation = { picture, specification in
      let side = max(picture.width, picture.height)
      var square = [UInt8](repeating: specification.fill[0], count: side * side * 3)
      let (left, top) = ((side - picture.width) / 2, (side - picture.height) / 2)
      for y in 0..<picture.height {
        let row = picture.bytes[(y * picture.width * 3)..<((y + 1) * picture.width * 3)]
        square.replaceSubrange(
          (((y + top) * side + left) * 3)..<(((y + top) * side + left + picture.width) * 3),
          with: row)
      }
      return Self.bilinear(square, from: side, to: specification.resolution)
    }
    guard case .pixels(let golden, let side) = try check.outcome().departure else {
      Issue.record("not named as pixels")
      return
    }
    #expect(golden == pack.proof?.goldens[0].name)
    #expect(side == pack.proof?.goldens[0].side)
  }

  private static func bilinear(_ bytes: [UInt8], from old: Int, to side: Int) -> Pixels {
    var result: [UInt8] = []
    for y in 0..<side {
      for x in 0..<side {
        let (u, v) = (Float(x) * Float(old) / Float(side), Float(y) * Float(old) / Float(side))
        let (a, b) = (min(Int(u), old - 2), min(Int(v), old - 2))
        let (p, q) = (u - Float(a), v - Float(b))
        for channel in 0..<3 {
          func at(_ x: Int, _ y: Int) -> Float { Float(bytes[(y * old + x) * 3 + channel]) }
          let top = at(a, b) * (1 - p) + at(a + 1, b) * p
          let bottom = at(a, b + 1) * (1 - p) + at(a + 1, b + 1) * p
          result.append(UInt8(max(0, min(255, (top * (1 - q) + bottom * q).rounded()))))
        }
      }
    }
    return Pixels(height: side, width: side, bytes: result)
  }
}

import Foundation
import MartletBytes
import MartletTestSupport
import Testing

/// Checkpoints that lie: each is a clear error, the contract's exit code, and no file.
@Suite struct DamagedCheckpointTests {
  static let projector = "model.mm_projector.0.weight"
  static let file = "model.safetensors"

  struct Fault: CustomTestStringConvertible, Sendable {
    let name: String
    var code: Int32 = 65
    /// The report, with the folder of the checkpoint left out.
    let report: String
    var layout = "llava"
    /// Damages the checkpoint in a folder.
    let damage: @Sendable (String) throws -> Void
    var testDescription: String { name }
  }

  static let faults: [Fault] = [
    Fault(
      name: "a shard that is cut short",
      report: """
        error: cannot read checkpoint 'model-00002-of-00002.safetensors'
          tensor 'model.vision_tower.vision_tower.model.network.9.pe.weight' ends at byte 272048, \
        the file at 272008
          hint: the file may be cut short; compare its size with the source
        """, layout: "llava-train"
    ) { folder in
      let path = Directory.path(folder, "model-00002-of-00002.safetensors")
      let bytes = try SmallFile.bytes(of: path)
      try AtomicFile.write(Array(bytes.dropLast(1000)), to: path)
    },
    Fault(
      name: "a shard that is missing", code: 66,
      report: """
        error: a shard of the checkpoint is missing
          index 'model.safetensors.index.json' names 'model-00002-of-00002.safetensors', which is not there
          hint: the download may be incomplete
        """, layout: "llava-train"
    ) { folder in
      try FileManager.default.removeItem(
        atPath: Directory.path(folder, "model-00002-of-00002.safetensors"))
    },
    Fault(
      name: "a header longer than the file",
      report: """
        error: cannot read checkpoint 'model.safetensors'
          header at byte 0: length 9000000000000000 given, at most 1122991 possible
          hint: the file may be cut short; compare its size with the source
        """
    ) { try edit($0) { $0.statedHeaderLength = 9_000_000_000_000_000 } },
    Fault(
      name: "a tensor larger than its bytes",
      report: """
        error: cannot read checkpoint 'model.safetensors'
          tensor 'model.mm_projector.0.weight': shape [64, 257] of BF16 needs 32896 bytes, header gives 32768 \
        (at byte 478119)
        """
    ) { try edit($0) { $0[projector].shape = [64, 257] } },
    Fault(
      name: "a shape that no file can hold",
      report: """
        error: cannot read checkpoint 'model.safetensors'
          tensor 'model.mm_projector.0.weight': shape [4294967296, 4294967296] is larger than any file
        """
    ) { try edit($0) { $0[projector].shape = [1 << 32, 1 << 32] } },
    Fault(
      name: "tensors that overlap",
      report: """
        error: cannot read checkpoint 'model.safetensors'
          tensors 'model.mm_projector.0.bias' and 'model.mm_projector.0.weight' overlap at byte 478115
        """
    ) {
      try edit($0) { draft in
        let range = draft[projector].range
        draft[projector].range = range.lowerBound - 4..<range.upperBound - 4
      }
    },
    Fault(
      name: "an unknown type",
      report: """
        error: cannot read checkpoint 'model.safetensors'
          tensor 'model.mm_projector.0.weight': unknown type 'F9'
        """
    ) { try edit($0) { $0[projector].type = "F9" } },
    Fault(
      name: "a missing tensor",
      report: """
        error: the checkpoint lacks tensor 'model.mm_projector.2.bias'
          expected: shape [64]
        """
    ) { try edit($0) { $0.remove("model.mm_projector.2.bias") } },
    Fault(
      name: "a tensor of the wrong shape",
      report: """
        error: tensor 'model.layers.1.self_attn.k_proj.weight' has the wrong shape
          expected: [32, 64]
          found: [64, 32]
        """
    ) { try edit($0) { $0["model.layers.1.self_attn.k_proj.weight"].shape = [64, 32] } },
    Fault(
      name: "a tensor that nobody knows",
      report: """
        error: a tensor belongs to no part of the model
          'model.layers.0.self_attn.secret.weight'
        """
    ) { try edit($0) { $0.append("model.layers.0.self_attn.secret.weight", [3, 5]) } },
    Fault(
      name: "weights that are not finite",
      report: """
        error: parameter 'projector.0.weight' holds a number that is not finite
        """
    ) {
      try edit($0) { draft in
        let start = draft[projector].range.lowerBound
        draft.data.replaceSubrange(start..<start + 4, with: [0, 0, 0xC0, 0x7F])
      }
    },
    Fault(
      name: "a configuration that is no JSON",
      report: """
        error: cannot read 'config.json'
          at byte 1: not valid JSON, byte 78 cannot stand here
        """
    ) { try AtomicFile.write("{x}", to: Directory.path($0, "config.json")) },
    Fault(
      name: "no configuration", code: 66,
      report: "error: cannot read checkpoint ''\n  there is no 'config.json' in it"
    ) { try FileManager.default.removeItem(atPath: Directory.path($0, "config.json")) },
    Fault(
      name: "no tokenizer", code: 66, report: "error: the checkpoint has no tokenizer"
    ) { try FileManager.default.removeItem(atPath: Directory.path($0, "merges.txt")) },
    Fault(
      name: "no weights",
      report: """
        error: cannot read checkpoint ''
          expected: at least one file of weights in the folder; found: none
        """
    ) { try FileManager.default.removeItem(atPath: Directory.path($0, file)) },
    Fault(
      name: "an archive without its end",
      report: """
        error: cannot read checkpoint 'model.safetensors'
          archive at byte 42: expected the end record of a ZIP archive, found something else
          hint: the file may be cut short; compare its size with the source
        """
    ) {
      try AtomicFile.write(
        "PK\u{3}\u{4}" + String(repeating: "\0", count: 60), to: Directory.path($0, file))
    },
    Fault(
      name: "a pickle of something else",
      report: """
        error: cannot read checkpoint 'model.safetensors'
          expected: safetensors, gguf, torch, hdf5; found: a pickle without torch's magic number
        """
    ) { try AtomicFile.write([0x80, 0x02, 0x4E, 0x2E], to: Directory.path($0, file)) },
    Fault(
      name: "a name that would drive the terminal",
      report: """
        error: a tensor belongs to no part of the model
          'model.layers.0.self_attn.\\u{1b}[2J.weight'
        """
    ) { try edit($0) { $0.append("model.layers.0.self_attn.\\u001b[2J.weight", [3]) } },
  ]

  @Test(arguments: faults)
  func everyFaultIsNamedAndLeavesNothing(_ fault: Fault) throws {
    let source = try TemporaryDirectory()
    let target = try TemporaryDirectory()
    let folder = try Tiny.copy(of: fault.layout, in: source)
    try fault.damage(folder)
    let outcome = try Program.martlet.run("convert", folder, "-o", target.path("x.martlet"))
    #expect(outcome.code == fault.code)
    let report = outcome.report.replacingOccurrences(of: folder + "/", with: "")
      .replacingOccurrences(of: folder, with: "")
    #expect(report.hasPrefix(fault.report), "\(report)")
    #expect(outcome.output == "")
    #expect(try target.names() == [])
  }

  @Test func inspectRefusesWithTheSameWords() throws {
    let source = try TemporaryDirectory()
    let folder = try Tiny.copy(of: "llava", in: source)
    try Self.edit(folder) { $0[Self.projector].type = "F9" }
    let outcome = try Program.martlet.run("inspect", folder, "--json")
    #expect(outcome.code == 65)
    #expect(outcome.output == "")
    #expect(outcome.report.contains("tensor 'model.mm_projector.0.weight': unknown type 'F9'"))
  }

  @Test(arguments: ["convert", "inspect", "run", "trace", "calibrate"])
  func whatIsNotThereIsMissingInput(command: String) throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("nothing")
    let rest: [String] =
      switch command {
      case "convert", "calibrate": ["-o", directory.path("x")]
      case "run": ["--prompt", "x"]
      case "trace": ["--prompt", "x", "-o", directory.path("x.safetensors")]
      default: []
      }
    let images = command == "calibrate" ? ["--images", Tiny.folder] : []
    let outcome = try Program.martlet.run([command, path] + rest + images)
    #expect(outcome.code == 66)
    #expect(outcome.headline == "error: cannot read checkpoint '\(path)'")
    #expect(try directory.names() == [])
  }

  private static func edit(
    _ folder: String, _ change: (inout SafetensorsDraft) -> Void
  ) throws {
    let path = Directory.path(folder, file)
    var draft = try SafetensorsDraft(path)
    change(&draft)
    try AtomicFile.write(draft.bytes, to: path)
  }
}

import CFuzzGuard
import MartletBytes

/// What a stranger's file can be. Each is read as the program reads it, to the last number.
enum Reader: String, CaseIterable {
  case safetensors
  /// The index of shards.
  case index
  /// The ZIP container of torch 1.6 and later.
  case torch
  /// The container before it.
  case legacy
  /// The pickle inside either, without a container to get right: `Torch.archive`.
  case pickle
  case hdf5
  case gguf
  /// `config.json`, a zero, safetensors.
  case mlx
  case pack
  /// A calibration table.
  case table
  case json
  case png
  case jpeg
  case webp
  /// `tokenizer.json`
  case tokenizer
  /// `vocab.json` and the files beside it, zeros between: `Words.separate`.
  case vocabulary
  /// `config.json` and the files beside it, zeros between: `Configurations`.
  case configuration
  /// The lines of questions about pictures.
  case questions
  /// The body of a request to the server.
  case chat
  /// What `verify --output` and `tune --output` write.
  case results
  /// Three faults on purpose, to prove that they are noticed.
  case alarm

  /// Seconds of processor time that one input may take, sanitizers included.
  private var seconds: UInt32 { 1 }

  /// Bytes that one allocation may have: twice the input, and 1 MiB for what does not depend on it.
  ///
  /// Pictures are no smaller than their file: 9 bytes for each of the `Pictures.limits`, a progressive JPEG's. libwebp
  /// also takes the tables of all groups of Huffman codes at once, before it reads one.
  private func limit(_ byteCount: Int) -> Int {
    switch self {
    case .png, .jpeg: 2 * byteCount + 9 * Pictures.limits.pixels
    case .webp:
      max(2 * byteCount + 9 * Pictures.limits.pixels, Pictures.codeTables(webpByteCount: byteCount))
    default: 2 * byteCount + 1 << 20
    }
  }

  /// Reads the fixtures that a reader needs beside its input, before there are limits.
  func prepare() {
    switch self {
    case .configuration: Configurations.prepare()
    case .gguf: Configurations.prepare()
    default: break
    }
  }

  /// The same input with its checksums put right, for formats where hardly any other is read on.
  func sealed(_ input: [UInt8]) -> [UInt8]? {
    switch self {
    case .pack: PackSeal.sealed(input)
    case .table: TableSeal.sealed(input)
    case .png: PNGSeal.sealed(input)
    case .results: Results.sealed(input)
    default: nil
    }
  }

  /// Reads one input within the limits.
  func read(_ input: [UInt8]) {
    martlet_fuzz_begin(limit(input.count), seconds)
    defer { martlet_fuzz_end() }
    switch self {
    case .safetensors, .torch, .legacy, .hdf5: Checkpoints.read(input)
    case .index: Checkpoints.readIndex(input)
    case .pickle: Torch.read(pickle: input)
    case .gguf: Checkpoints.readGGUF(input)
    case .mlx: Checkpoints.readQuantized(input)
    case .pack: Packs.read(input)
    case .table: Tables.read(table: input)
    case .json: Texts.read(json: input)
    case .png, .jpeg, .webp: Pictures.read(input)
    case .tokenizer: Words.read(tokenizer: input)
    case .vocabulary: Words.read(separate: input)
    case .configuration: Configurations.read(input)
    case .questions: Tables.read(questions: input)
    case .chat: Requests.read(chat: input)
    case .results: Results.read(input)
    case .alarm: Alarm.raise(input)
    }
  }
}

/// What must be noticed: `a`, an allocation beyond the limit; `h`, a hang; `t`, a trap.
private enum Alarm {
  static func raise(_ input: [UInt8]) {
    switch input.first {
    case UInt8(ascii: "a"):
      let block = [UInt8](repeating: 0, count: 2 * input.count + 1 << 20 + 4096)
      martlet_fuzz_keep(block[input.count])
    case UInt8(ascii: "h"): while true { martlet_fuzz_keep(0) }
    case UInt8(ascii: "t"): martlet_fuzz_keep(input[input.count])
    default: break
    }
  }
}

import Foundation
import MartletBoardMessages
import MartletBytes
import MartletConversion
import MartletModel
import MartletPack
import MartletQuantization
import MartletSynthesis

/// A pack of a random model, made without a checkpoint on disk.
///
/// Pack, configuration and tokenizer lie in a temporary directory that is removed as soon as the pack is open; the
/// mapped pack needs its name no more. A run that is killed while the model is made leaves the few megabytes of
/// configuration and tokenizer there.
struct SyntheticPack {
  let pack: Pack

  init(
    _ size: ModelSize, scheme: Scheme, resolution: Int?, threads: Int, progress: Progress
  ) throws {
    let directory = try Self.temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    var scheme = scheme
    // There are no pictures to correct by.
    scheme.correctsBias = false
    let checkpoint = try SyntheticCheckpoint(
      size: size, layout: .llava, seed: 0, copyingHead: false
    ).opened(beside: directory)
    let loaded = try LoadedSource(checkpoint, resolution: resolution)
    let pool = try ThreadPool(threads: threads)
    let model = try Quantizer.quantized(
      loaded.folded, scheme: scheme, statistics: nil, pool: pool)
    var provenance = Provenance()
    provenance.append(Provenance.Key.tool, .text(MartletVersion.text))
    provenance.append(Provenance.Key.scheme, .text(scheme.text))
    let path = Directory.path(directory, "model.martlet")
    try PackWriter().write(model, provenance: provenance, to: path, pool: pool) { state in
      progress.update(
        Double(state.unpackedBytes) / 1e6, of: Double(state.unpackedTotal) / 1e6,
        detail: state.tensor)
    }
    pack = try Pack(path: path)
  }

  /// A new directory under `$TMPDIR`, else `/var/tmp`: `/tmp` is memory on many boards, and a pack may be larger.
  static func temporaryDirectory() throws(BytesError) -> String {
    let chosen = ProcessInfo.processInfo.environment["TMPDIR"] ?? ""
    let path = Directory.path(
      chosen.isEmpty ? "/var/tmp" : chosen, "martlet-bench-\(UUID().uuidString)")
    try Directory.make(path)
    return path
  }
}

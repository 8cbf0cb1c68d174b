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
/// The pack lies in a temporary file whose name is gone as soon as it is open, so that nothing is left behind however
/// the process ends.
struct SyntheticPack {
  let pack: Pack

  init(
    _ size: ModelSize, scheme: Scheme, resolution: Int?, threads: Int, progress: Progress
  ) throws {
    let place = try TemporaryPlace()
    let checkpoint = try SyntheticCheckpoint(
      size: size, layout: .llava, seed: 0, copyingHead: false
    ).opened(beside: place.path)
    let loaded = try LoadedSource(checkpoint, resolution: resolution)
    let model = try Quantizer.quantized(loaded.folded, scheme: scheme, statistics: nil)
    var provenance = Provenance()
    provenance.append(Provenance.Key.tool, .text(MartletVersion.text))
    provenance.append(Provenance.Key.scheme, .text(scheme.text))
    let path = Directory.path(place.path, "model.martlet")
    try PackWriter().write(
      model, provenance: provenance, to: path, pool: try ThreadPool(threads: threads)
    ) { state in
      progress.update(
        Double(state.unpackedBytes) / 1e6, of: Double(state.unpackedTotal) / 1e6,
        detail: state.tensor)
    }
    pack = try Pack(path: path)
  }
}

/// A directory that is removed with the object.
private final class TemporaryPlace {
  let path: String

  /// Under `$TMPDIR`, else `/var/tmp`: `/tmp` is memory on many boards, and a pack may be larger than that.
  init() throws(BytesError) {
    let chosen = ProcessInfo.processInfo.environment["TMPDIR"] ?? ""
    let base = chosen.isEmpty ? "/var/tmp" : chosen
    path = Directory.path(base, "martlet-bench-\(ProcessInfo.processInfo.processIdentifier)")
    try Directory.make(path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

import MartletBoardMessages
import MartletBytes
import MartletCalibration
import MartletCheckpoints
import MartletMessages
import MartletModel

/// The pictures of an HDF5 file: the data set `images`, uint8 `[count, height, width, 3]`, or a group `images` of data sets,
/// uint8 `[height, width, 3]` each and taken in the order of their names.
///
/// Questions name them `FILE.h5#0`, `FILE.h5#1`, …. Each is read when its turn comes.
struct HDF5Pictures {
  let pictures: [CalibrationPicture]

  private static let name = "images"

  init(path: String) throws {
    let file = try Checkpoint.open(path)
    var parts: [(tensor: CheckpointTensor, row: Int?)] = []
    if let all = file[Self.name], all.shape.count == 4 {
      try Self.check(all, Array(all.shape.dropFirst()), path)
      parts = (0..<all.shape[0]).map { (all, $0) }
    } else {
      for name in file.names where name.hasPrefix(Self.name + ".") {
        guard let tensor = file[name] else { continue }
        try Self.check(tensor, tensor.shape, path)
        parts.append((tensor, nil))
      }
    }
    if parts.isEmpty {
      throw CommandError(
        .badData, "cannot take pictures from '\(path)'",
        [
          "expected: a data set 'images', uint8 [count, height, width, 3], or a group of uint8 [height, width, 3]",
          "found: "
            + (file.names.isEmpty ? "nothing" : file.names.prefix(4).joined(separator: ", ")),
        ])
    }
    let absolute = CalibrationPicture.absolute(path)
    let base = Directory.name(of: path)
    pictures = parts.enumerated().map { index, part in
      CalibrationPicture(name: "\(base)#\(index)", path: "\(absolute)#\(index)") {
        () throws(UnreadableImage.Reason) in
        try Self.content(part.tensor, part.row, of: file)
      }
    }
  }

  private static func check(_ tensor: CheckpointTensor, _ picture: [Int], _ path: String) throws {
    if tensor.elementType != .uint8 || picture.count != 3 || picture[2] != 3
      || picture.contains(0)
    {
      throw CommandError(
        .badData, "cannot take pictures from '\(path)'",
        [
          "'\(tensor.name)': expected uint8 [height, width, 3], found "
            + "\(tensor.elementType.rawValue) \(tensor.shape)"
        ])
    }
  }

  private static func content(
    _ tensor: CheckpointTensor, _ row: Int?, of file: Checkpoint
  ) throws(UnreadableImage.Reason) -> CalibrationPicture.Content {
    do throws(CheckpointError) {
      let rows = row.map { $0..<$0 + 1 } ?? 0..<tensor.shape[0]
      let bytes = try file.withBytes(tensor.name, rows: rows) { span in
        // SAFETY: the buffer is only read during the call.
        unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
      }
      let extents = tensor.shape.suffix(3)
      let pixels = Pixels(
        height: extents[extents.startIndex], width: extents[extents.startIndex + 1], bytes: bytes)
      return CalibrationPicture.Content(pixels: pixels, digest: SHA256.digest(bytes))
    } catch {
      throw .part(path: file.path, found: ErrorReport.of(error).inOneLine)
    }
  }
}

import MartletBytes
import MartletCheckpoints
import MartletModel

/// How a MobileCLIP takes pictures: timm's `config.json` (`pretrained_cfg`), OpenCLIP's `open_clip_config.json`
/// (`preprocess_cfg`), or what every release does.
struct ContrastiveImage {
  private let reader: ConfigurationReader?
  private let nested: String

  init(_ checkpoint: Checkpoint) throws(ConversionError) {
    if let open = try checkpoint.json("open_clip_config.json") {
      (reader, nested) = (
        ConfigurationReader(file: "open_clip_config.json", open), "preprocess_cfg"
      )
    } else {
      reader = checkpoint.config.map { ConfigurationReader(file: "config.json", $0) }
      nested = "pretrained_cfg"
    }
  }

  /// The side of every released MobileCLIP.
  private static let releasedResolution = 256

  func specification(
    _ defaults: inout [SourceReport.Default]
  ) throws(ConversionError) -> ImageSpecification {
    let settings = try reader?.object(nested)
    var specification = ImageSpecification(resolution: Self.releasedResolution, fit: .crop)
    var side = try settings?.sides("input_size")
    if side == nil { side = try settings?.side("size") }
    if let side {
      specification.resolution = side
    } else {
      defaults.append(.init(setting: "resolution", value: "\(Self.releasedResolution)"))
    }
    if let mean = try settings?.perChannel("mean"), let deviation = try settings?.perChannel("std")
    {
      if let settings, deviation.contains(where: { $0 <= 0 }) {
        throw settings.wrong("std", "three positive numbers", found: "\(deviation)")
      }
      (specification.mean, specification.standardDeviation) = (mean, deviation)
    } else {
      defaults.append(.init(setting: "mean and std", value: "0 and 1"))
    }
    if let settings {
      if let kind = try settings.string("interpolation"), kind != "bicubic" {
        defaults.append(.init(setting: "interpolation (\(kind) is stated)", value: "bicubic"))
      }
      if let part = try settings.positive("crop_pct"), part != 1 {
        defaults.append(.init(setting: "crop_pct (\(part) is stated)", value: "1"))
      }
    }
    specification.fill = specification.mean.map { UInt8(min(255, max(0, $0 * 255))) }
    return specification
  }
}

extension ConfigurationReader {
  /// The side of a square picture given as `[channels, height, width]`.
  fileprivate func sides(_ key: String) throws(ConversionError) -> Int? {
    guard has(key) else { return nil }
    let numbers = (try perChannel(key) ?? []).map { Double($0) }
    guard numbers.count == 3, numbers[0] == 3, numbers[1] == numbers[2], numbers[1] > 0,
      numbers[1] <= 65536, numbers[1] == numbers[1].rounded()
    else { throw wrong(key, "[3, side, side]", found: "\(numbers)") }
    return Int(numbers[1])
  }
}

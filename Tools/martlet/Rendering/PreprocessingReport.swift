import Foundation
import MartletBytes
import MartletModel
import MartletVerification

/// Which way of preparing pictures and questions a reference used, in words and as JSON.
struct PreprocessingReport {
  var pixels: PreprocessingDiagnosis?
  var reference: ReferencePixels?
  var own: ImageSpecification?
  var answers: [AnswerScore]?

  /// Rows of the text; the JSON has all.
  private static let most = 8

  /// Whether each comparison that was asked for found its way.
  var matches: Bool {
    (pixels.map { !$0.matches.isEmpty } ?? true)
      && (answers.map { $0.contains { $0.isMatch } } ?? true)
  }

  var text: String { (pixelLines + answerLines).joined(separator: "\n") + "\n" }

  private var pixelLines: [String] {
    guard let pixels, let reference else { return [] }
    var lines = ["pixels: \(reference.side)², \(reference.layout.rawValue)"]
    let matches = pixels.matches
    if matches.isEmpty {
      lines.append("none of the known ways gives these pixels; the nearest:")
    } else {
      lines.append(
        matches.count == 1
          ? "the reference used:"
          : "the reference used one of these, which this picture does not tell apart:")
    }
    for distance in pixels.distances.prefix(max(Self.most, min(matches.count, 24))) {
      lines.append(
        "  \(distance.isMatch ? "=" : " ") \(distance.variant.name); numbers \(distance.scale.text)"
          + String(
            format: ": differs by %.2f levels in the mean, %.1f at most", distance.mean,
            distance.largest))
    }
    if let first = pixels.distances.first, first.isMatch, let own,
      !matches.contains(where: { $0.variant == PreprocessingVariant.all(beside: own)[0] })
    {
      lines.append(
        "this model prepares otherwise: \(PreprocessingVariant.all(beside: own)[0].name)"
          + (first.variant.fit == .pad || first.variant.fit == .crop
            ? " (convert --image-fit changes it)" : ""))
    }
    return lines
  }

  private var answerLines: [String] {
    guard let answers, let best = answers.first else { return [] }
    let matching = answers.filter(\.isMatch)
    var lines = ["answers: \(best.asked) compared"]
    if matching.isEmpty {
      lines.append("none of the known ways gives these answers; the nearest:")
    } else {
      lines.append(
        matching.count == 1
          ? "the reference used:"
          : "the reference used one of these \(matching.count), which these questions do not tell apart:"
      )
    }
    for score in answers.prefix(Self.most) {
      lines.append(
        "  \(score.isMatch ? "=" : " ") \(score.variant.name): \(score.equal) of \(score.asked) equal"
          + String(format: ", alike up to %.0f %% of their length", 100 * score.sameStart))
    }
    return lines
  }

  var json: JSONOutput {
    var json = JSONOutput()
    json.set("matches", matches)
    if let pixels, let reference {
      var item = JSONOutput()
      item.set("side", reference.side)
      item.set("layout", reference.layout.rawValue)
      item.set("matches", .array(pixels.matches.map { JSONValue($0.variant.name) }))
      item.set("variants", .array(pixels.distances.map { Self.variant($0).value }))
      json.set("pixels", item)
    }
    if let answers {
      var item = JSONOutput()
      item.set("matches", .array(answers.filter(\.isMatch).map { JSONValue($0.variant.name) }))
      item.set(
        "variants",
        .array(
          answers.map { score in
            var one = Self.fields(score.variant.pixels)
            one.set("order", score.variant.order.rawValue)
            one.set("system", score.variant.system.rawValue)
            one.set("equal", score.equal)
            one.set("asked", score.asked)
            one.set("same_start", score.sameStart)
            return one.value
          }))
      json.set("answers", item)
    }
    return json
  }

  private static func variant(_ distance: VariantDistance) -> JSONOutput {
    var item = fields(distance.variant)
    item.set("numbers", distance.scale.name)
    item.set("blue_first", distance.scale.isBlueFirst)
    item.set("mean_levels", distance.mean)
    item.set("largest_levels", distance.largest)
    item.set("match", distance.isMatch)
    return item
  }

  private static func fields(_ variant: PreprocessingVariant) -> JSONOutput {
    var item = JSONOutput()
    item.set("name", variant.name)
    item.set("fit", variant.fit.rawValue)
    item.set("fill", variant.fit.usesFill ? .array(variant.fill.map { JSONValue(Int($0)) }) : .null)
    item.set("filter", variant.filter.rawValue)
    return item
  }
}

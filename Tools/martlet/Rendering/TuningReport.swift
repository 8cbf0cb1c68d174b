import Foundation
import MartletBytes
import MartletModel
import MartletVerification

/// What a tuning found, in words and as JSON.
struct TuningReport {
  let tuning: Tuning
  let run: TuningRun
  let budget: Double?

  /// A language model below so many parameters is small: the paper's own example is 0.5B.
  static let smallLanguageModel = 1_000_000_000

  var recommended: Tuning.Measured? { tuning.recommended(budget: budget) }

  /// Parameters of the language model, its embedding included.
  var languageParameters: Int {
    run.own.source.description.network(.language)?.parameters.reduce(0) { $0 + $1.count } ?? 0
  }

  /// The options of `convert` that make the point.
  func convert(_ point: TuningPoint) -> String {
    let option = TuningScheme.option(point.scheme)
    return
      "martlet convert \(run.subject.source) -o model.martlet \(option) --resolution \(point.resolution)"
      + (run.subject.calibration.isEmpty ? "" : " --calibration \(run.subject.calibration)")
  }

  var warnings: [String] {
    var warnings: [String] = []
    let size = languageParameters
    for wasted in tuning.wasted {
      let gain = Self.points(wasted.gain)
      var text =
        "\(wasted.higher.point.resolution)² is more than this language model uses with \(wasted.higher.point.scheme): "
        + "against \(wasted.lower.point.resolution)² it gains \(gain) points "
        + "(95 % interval \(Self.points(wasted.interval.low)) to \(Self.points(wasted.interval.high))) and takes "
        + "\(Progress.number(wasted.timesSlower)) times as long to the first token"
      if size < Self.smallLanguageModel {
        text +=
          "; of small language models (this one has \(Markup.number(Double(size) / 1e6)) million parameters) the FastVLM "
          + "paper finds the same"
      }
      warnings.append(text)
    }
    let own = run.own.checkpointResolution
    if tuning.points.contains(where: { $0.point.resolution != own }) {
      warnings.append(
        "the checkpoint states \(own)²: at other resolutions it runs outside of what it was trained at, and what they "
          + "cost in accuracy here is this checkpoint's, not the method's; one trained at several may do better"
      )
    }
    if let budget, recommended == nil, !tuning.points.isEmpty {
      warnings.append("no point stays within \(Progress.number(budget)) ms")
    }
    return warnings
  }

  static func points(_ share: Double) -> String { String(format: "%+.1f", 100 * share) }

  /// What accuracy means here.
  var judge: String {
    switch tuning.judge {
    case .knownAnswers: "answers that equal the known ones"
    case .reference:
      "answers that equal the float reference's at \(run.own.checkpointResolution)²"
    }
  }

  // MARK: Text

  var text: String {
    var lines = [
      "accuracy        \(judge), \(run.subject.questions) questions about \(run.subject.pictures) pictures",
      "machine         \(run.subject.machine), \(run.subject.threads) threads, \(run.subject.instructionSet)",
      "",
      "  side  scheme          accuracy  95 % interval    first token      p90  encoder  tokens     pack",
    ]
    for measured in tuning.points {
      lines.append(
        String(
          format: "%6d  ", measured.point.resolution)
          + measured.point.scheme.padding(toLength: 14, withPad: " ", startingAt: 0)
          + String(
            format: "  %6.1f %%  %5.1f to %5.1f %% %9.1f ms %8.1f %8.1f  %6d  ",
            100 * measured.accuracy, 100 * measured.interval.low, 100 * measured.interval.high,
            measured.firstToken, measured.firstTokenP90, measured.encode,
            tokens(measured.point.resolution))
          + Markup.bytes(Double(measured.packBytes)) + (measured.isPareto ? "  *" : ""))
    }
    lines.append("* no other point is both faster and more accurate")
    for skipped in run.skipped {
      lines.append(
        "left out: \(skipped.point.resolution)² \(skipped.point.scheme): \(skipped.reason)")
    }
    lines.append("")
    if let best = recommended {
      let limit = budget.map { " within \(Progress.number($0)) ms" } ?? ""
      lines.append(
        "recommended\(limit): \(best.point.resolution)² \(best.point.scheme), "
          + String(format: "%.1f %%", 100 * best.accuracy) + " after "
          + "\(Progress.number(best.firstToken)) ms\n  \(convert(best.point))")
      for other in tuning.notToldApart(from: best).prefix(3) {
        lines.append(
          "  faster, and not told apart by these pictures: \(other.point.resolution)² \(other.point.scheme), "
            + String(format: "%.1f %%", 100 * other.accuracy)
            + " after \(Progress.number(other.firstToken)) ms")
      }
    } else {
      lines.append("recommended: nothing")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  func tokens(_ side: Int) -> Int {
    let stride = run.own.source.description.network(.vision)?.totalStride ?? 1
    return (side / stride) * (side / stride)
  }

  // MARK: JSON

  var json: JSONOutput {
    var json = JSONOutput()
    json.set("source", run.subject.source)
    json.set("checkpoint_resolution", run.own.checkpointResolution)
    json.set("judge", tuning.judge == .knownAnswers ? "answers" : "reference")
    json.set("images", run.subject.pictures)
    json.set("questions", run.subject.questions)
    json.set("language_parameters", languageParameters)
    json.set("budget_ms", budget.map { .rounded($0) } ?? .null)
    json.set("machine", run.subject.machine)
    json.set("threads", run.subject.threads)
    json.set("isa", run.subject.instructionSet)
    json.set("calibration", run.subject.calibration)
    json.set("points", .array(tuning.points.map { point($0).value }))
    json.set(
      "skipped",
      .array(
        run.skipped.map { skipped in
          var item = JSONOutput()
          item.set("resolution", skipped.point.resolution)
          item.set("scheme", skipped.point.scheme)
          item.set("reason", skipped.reason)
          return item.value
        }))
    json.set("recommendation", recommended.map { recommendation($0).value } ?? .null)
    json.set("warnings", .array(warnings.map { JSONValue($0) }))
    return json
  }

  private func point(_ measured: Tuning.Measured) -> JSONOutput {
    var item = JSONOutput()
    item.set("resolution", measured.point.resolution)
    item.set("scheme", measured.point.scheme)
    item.set("image_tokens", tokens(measured.point.resolution))
    item.set("accuracy", measured.accuracy)
    item.set(
      "accuracy_interval",
      .array([.rounded(measured.interval.low), .rounded(measured.interval.high)]))
    item.set("questions", measured.questions)
    item.set("first_token_ms", measured.firstToken)
    item.set("first_token_p90_ms", measured.firstTokenP90)
    item.set("encode_ms", measured.encode)
    item.set("pack_bytes", measured.packBytes)
    item.set("pareto", measured.isPareto)
    return item
  }

  private func recommendation(_ best: Tuning.Measured) -> JSONOutput {
    var item = JSONOutput()
    item.set("resolution", best.point.resolution)
    item.set("scheme", best.point.scheme)
    item.set("convert", convert(best.point))
    item.set(
      "not_told_apart",
      .array(
        tuning.notToldApart(from: best).map { other in
          let drop = tuning.drop(from: best, to: other)
          var item = JSONOutput()
          item.set("resolution", other.point.resolution)
          item.set("scheme", other.point.scheme)
          item.set("drop", drop.mean)
          item.set(
            "drop_interval", .array([.rounded(drop.interval.low), .rounded(drop.interval.high)]))
          return item.value
        }))
    return item
  }
}

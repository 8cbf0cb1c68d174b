import MartletBytes
import MartletPack
import MartletQuantization
import MartletRuntime

/// What `bench` measured, as JSON of the contract and as a table.
struct BenchReport {
  private let pack: Pack
  private let options: RunOptions
  private let resolution: Int
  private let times: BenchTimes
  private let machine = Machine.current()
  private let peak = Machine.peakResidentBytes

  init(pack: Pack, options: RunOptions, resolution: Int, times: BenchTimes) {
    self.pack = pack
    self.options = options
    self.resolution = resolution
    self.times = times
  }

  var json: JSONOutput {
    var json = JSONOutput()
    json.set("scheme", pack.schemeName)
    json.set("resolution", resolution)
    json.set("threads", options.threads)
    json.set("isa", options.instructionSet.name)
    json.set("machine", machine.json)
    json.set("load_ms", times.load.json)
    json.set("encode_ms", times.encode.json)
    json.set("project_ms", times.project.json)
    json.set("prefill_ms", times.prefill.json)
    json.set("prefill_tokens", times.prefillTokens)
    json.set("first_token_ms", times.firstToken.json)
    json.set("cold_start_ms", times.coldStart.json)
    json.set("decode_tokens_per_second", times.decode.json)
    json.set("kv_cache", options.cache.name)
    json.set("kv_cache_bytes", times.cacheBytes)
    json.set("peak_rss_bytes", peak)
    json.set("pack_bytes", pack.byteCount)
    return json
  }

  var text: String {
    let megabytes = [pack.byteCount, peak].map { Progress.number(Double($0) / 1e6) }
    var lines = [
      "\(pack.schemeName) · \(resolution)² · \(options.threads) threads · \(options.instructionSet.name) · "
        + machine.model,
      "pack \(megabytes[0]) MB · peak memory \(megabytes[1]) MB",
      Self.row("", ["median", "min", "max"], ""),
    ]
    let rows = [
      ("load", times.load, "ms"), ("encode", times.encode, "ms"),
      ("project", times.project, "ms"),
      ("prefill (\(times.prefillTokens) tokens)", times.prefill, "ms"),
      ("first token", times.firstToken, "ms"), ("first token, cold", times.coldStart, "ms"),
      ("decode", times.decode, "tokens/s"),
    ]
    for (label, samples, unit) in rows where !samples.isEmpty {
      let numbers = [samples.median, samples.smallest, samples.largest]
      lines.append(Self.row(label, numbers.map(Progress.number), unit))
    }
    if times.cacheBytes > 0 {
      let megabytes = Progress.number(Double(times.cacheBytes) / 1e6)
      lines.append(
        "keys and values in \(options.cache.name): \(megabytes) MB at the end of an answer")
    }
    return lines.joined(separator: "\n")
  }

  private static func row(_ label: String, _ numbers: [String], _ unit: String) -> String {
    var line = label + String(repeating: " ", count: max(0, 24 - label.count))
    for number in numbers {
      line += String(repeating: " ", count: max(1, 10 - number.count)) + number
    }
    return unit.isEmpty ? line : "\(line)  \(unit)"
  }
}

extension Pack {
  /// The preset's name, or all of the pack's own words where it is none.
  var schemeName: String {
    let text = provenance[Provenance.Key.scheme]?.text ?? "unknown"
    return Precision.allCases.first { Scheme.preset($0).isPreset(of: text) }?.rawValue ?? text
  }
}

extension Machine {
  var json: JSONOutput {
    var json = JSONOutput()
    json.set("model", model)
    json.set("cores", physicalCores)
    json.set("l2_bytes", l2Bytes)
    return json
  }
}

extension Samples {
  /// Null where nothing was measured: an encoder alone has no prefill.
  var json: JSONValue {
    if isEmpty { return .null }
    var json = JSONOutput()
    json.set("min", smallest)
    json.set("median", median)
    json.set("max", largest)
    return json.value
  }
}

extension Scheme {
  /// Whether a pack's scheme names these precisions for all parts, and nothing besides.
  fileprivate func isPreset(of recorded: String) -> Bool {
    let words = recorded.split(separator: " ")
    let parts = text.split(separator: " ").filter { !Self.isRule($0) }
    return words.filter { !Self.isRule($0) } == parts
  }

  /// How activations are scaled and biases corrected is no part of a preset.
  private static func isRule(_ word: Substring) -> Bool {
    word.hasPrefix("activations=") || word.hasPrefix("bias-correction=")
  }
}

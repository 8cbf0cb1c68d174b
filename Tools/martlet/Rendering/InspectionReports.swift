import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletPack
import MartletRuntime

/// A list of facts, as text and as JSON.
struct FactSheet {
  private(set) var json = JSONOutput()
  private(set) var lines: [String] = []

  mutating func add(_ key: String, _ label: String, _ value: String) {
    json.set(key, value)
    line(label, value)
  }

  mutating func add(_ key: String, _ label: String, _ value: Int) {
    json.set(key, value)
    line(label, "\(value)")
  }

  /// A list: one line an item under the label.
  mutating func add(_ key: String, _ label: String, _ items: [(text: String, json: JSONOutput)]) {
    json.set(key, JSONValue.array(items.map(\.json.value)))
    lines.append("\(label):")
    for item in items { lines.append("  \(item.text)") }
  }

  private mutating func line(_ label: String, _ value: String) {
    let padding = String(repeating: " ", count: max(1, 18 - label.count))
    lines.append("\(label)\(padding)\(value)")
  }

  var text: String { lines.joined(separator: "\n") }
}

/// What `inspect` says of a checkpoint.
struct CheckpointReport {
  private var sheet = FactSheet()
  var text: String { sheet.text }
  var json: JSONOutput { sheet.json }

  /// - Parameters:
  ///   - language: a GGUF file whose language model takes the place of the checkpoint's.
  ///   - depth: levels of the tree of parts.
  init(_ checkpoint: Checkpoint, language: Checkpoint?, depth: Int, tensors: Bool) throws {
    if language == nil, let metadata = checkpoint.gguf {
      // A language model alone is no FastVLM; its file still tells what it is.
      sheet.add("kind", "kind", "language model")
      sheet.add("format", "format", checkpoint.format.rawValue)
      sheet.add(
        "metadata", "metadata",
        metadata.listing.map { pair in
          var json = JSONOutput()
          json.set("key", pair.key)
          json.set("value", pair.value)
          return ("\(pair.key) = \(pair.value)", json)
        })
      addFiles([checkpoint])
      if tensors { addTensors([checkpoint]) }
      return
    }
    let loaded = try LoadedSource(checkpoint, language: language)
    let description = loaded.source.description
    sheet.add("kind", "kind", "checkpoint")
    sheet.add("format", "format", checkpoint.format.rawValue)
    sheet.add("architecture", "architecture", description.architecture)
    sheet.add("layout", "layout", loaded.report.layout.name)
    sheet.add("fused_units", "fused units", loaded.report.forms.fused)
    sheet.add("train_time_units", "train-time units", loaded.report.forms.trainTime)
    if let head = loaded.report.head { sheet.add("head", "output matrix", head.text) }
    sheet.describe(description)
    let parts = [checkpoint, language].compactMap { $0 }
    addFiles(parts)
    sheet.add("tree", "parts", ModelTree(parts, depth: depth).items)
    if tensors { addTensors(parts) }
  }

  private mutating func addFiles(_ checkpoints: [Checkpoint]) {
    sheet.add(
      "files", "files",
      checkpoints.flatMap(\.files).map { file in
        var json = JSONOutput()
        json.set("name", file.name)
        json.set("bytes", file.byteCount)
        return ("\(file.name)  \(file.byteCount) bytes", json)
      })
  }

  private mutating func addTensors(_ checkpoints: [Checkpoint]) {
    let tensors = checkpoints.flatMap { checkpoint in checkpoint.names.map { (checkpoint, $0) } }
    sheet.add(
      "tensors", "tensors",
      tensors.compactMap { checkpoint, name in
        guard let tensor = checkpoint[name] else { return nil }
        var json = JSONOutput()
        json.set("name", name)
        json.set("dtype", tensor.storedType)
        json.set("shape", JSONValue.array(tensor.shape.map { .number(JSONNumber($0)) }))
        return ("\(name)  \(tensor.storedType) \(tensor.shape)", json)
      })
  }
}

/// What `inspect` says of a pack.
struct PackReport {
  private var sheet = FactSheet()
  var text: String { sheet.text }
  var json: JSONOutput { sheet.json }

  init(_ pack: Pack, depth: Int, tensors: Bool, schedule: Bool, why: Bool, threads: Int) throws {
    sheet.add("kind", "kind", "pack")
    sheet.add("bytes", "bytes", pack.byteCount)
    sheet.add("architecture", "architecture", pack.description.architecture)
    sheet.describe(pack.description)
    sheet.add(
      "ladder", "further resolutions",
      pack.rungs.map { rung in
        var json = JSONOutput()
        json.set("resolution", rung.side)
        json.set("ranges", rung.activations.count)
        return (
          "\(rung.side)²"
            + (rung.activations.isEmpty ? "" : "  \(rung.activations.count) ranges of its own"),
          json
        )
      })
    sheet.add(
      "provenance", "provenance",
      pack.provenance.entries.map { entry in
        var json = JSONOutput()
        json.set("key", entry.key)
        json.set("value", entry.value.text)
        return ("\(entry.key) = \(entry.value.text)", json)
      })
    sheet.add(
      "records", "records",
      pack.records.map { record in
        var json = JSONOutput()
        json.set("type", record.type)
        json.set("bytes", Int(clamping: record.byteCount))
        json.set("known", (record.known != nil))
        return (
          "\(record.type)  \(record.byteCount) bytes"
            + ((record.known != nil) ? "" : "  (unknown, skipped)"), json
        )
      })
    sheet.add("preparation", "preparation", pack.preparation.items)
    addPrecisions(pack)
    sheet.add("tree", "parts", ModelTree(pack, depth: depth).items)
    sheet.add("proof", "proof", pack.goldenItems)
    if let choice = pack.choice {
      sheet.add("chosen_by_limits", "chosen by limits", choice.counts + "; " + choice.summary)
      if why { sheet.add("why", "why", choice.items) }
    }
    if tensors { addTensors(pack) }
    if schedule { try addSchedule(pack, threads: threads) }
  }

  private mutating func addPrecisions(_ pack: Pack) {
    var sizes: [WeightEncoding: (count: Int, stored: UInt64)] = [:]
    for tensor in pack.tensors {
      let entry = sizes[tensor.encoding] ?? (0, 0)
      sizes[tensor.encoding] = (entry.count + 1, entry.stored + tensor.storedBytes)
    }
    let sorted = sizes.sorted { $0.value.stored > $1.value.stored }
    sheet.add(
      "encodings", "encodings",
      sorted.map { encoding, entry in
        var json = JSONOutput()
        json.set("encoding", encoding.name)
        json.set("tensors", entry.count)
        json.set("stored_bytes", Int(clamping: entry.stored))
        return ("\(encoding.name)  \(entry.count) tensors, \(entry.stored) bytes stored", json)
      })
  }

  private mutating func addTensors(_ pack: Pack) {
    sheet.add(
      "tensors", "tensors",
      pack.tensors.map { tensor in
        var json = JSONOutput()
        json.set("name", tensor.name)
        json.set("shape", JSONValue.array(tensor.shape.map { .number(JSONNumber($0)) }))
        json.set("encoding", tensor.encoding.name)
        json.set("stored_bytes", Int(clamping: tensor.storedBytes))
        return (
          "\(tensor.name)  \(tensor.shape) \(tensor.encoding.name), \(tensor.storedBytes) bytes",
          json
        )
      })
  }

  private mutating func addSchedule(_ pack: Pack, threads: Int) throws {
    let options = RunOptions(threads: threads)
    var items: [(text: String, json: JSONOutput)] = []
    for network in pack.description.networks {
      let rows =
        pack.description.image.resolution / (pack.description.network(.vision)?.totalStride ?? 1)
      let extent: Extent =
        switch network.role {
        case .vision: .picture(side: pack.description.image.resolution)
        case .projector: .rows(rows * rows)
        case .language: .rows(LanguageSession.longestPart)
        }
      let schedule = try Schedule(
        network: network, plan: pack.plan, extent: extent, machine: options.machine)
      for line in schedule.listing(of: network) {
        var json = JSONOutput()
        json.set("network", network.role.name)
        json.set("region", line)
        items.append((line, json))
      }
    }
    sheet.add("schedule", "schedule", items)
  }
}

extension FactSheet {
  /// What is common to checkpoints and packs.
  fileprivate mutating func describe(_ description: ModelDescription) {
    let image = description.image
    add("resolution", "resolution", image.resolution)
    add("image_fit", "image fit", image.fit == .pad ? "pad" : "crop")
    if let tokenizer = description.tokenizer { add("tokens", "tokens", tokenizer.size) }
    add(
      "networks", "networks",
      description.networks.map { network in
        let parameters = network.parameters.reduce(0) { $0 + $1.count }
        var json = JSONOutput()
        json.set("name", network.role.name)
        json.set("layers", network.layers.count)
        json.set("parameters", parameters)
        return (
          "\(network.role.name)  \(network.layers.count) layers, \(parameters) parameters", json
        )
      })
  }
}

extension Provenance.Value {
  /// The value as text; digests in hexadecimal.
  var text: String {
    switch self {
    case .text(let text): text
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .digest(let bytes):
      bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }
  }
}

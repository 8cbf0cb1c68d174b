import MartletPack

extension Pack {
  /// The golden pictures of the proof, for listings.
  var goldenItems: [(text: String, json: JSONOutput)] {
    guard let proof else { return [] }
    return proof.goldens.map { golden in
      var json = JSONOutput()
      var text =
        "\(golden.name)  \(proof.origin == .given ? "given, " : "")"
        + "\(golden.picture.width) × \(golden.picture.height), \(golden.picture.storedBytes) bytes, run at \(golden.side)²"
      json.set("name", golden.name)
      json.set("origin", proof.origin == .given ? "given" : "drawn")
      json.set("width", golden.picture.width)
      json.set("height", golden.picture.height)
      json.set("picture_bytes", golden.picture.storedBytes)
      json.set("side", golden.side)
      if let answer = golden.answer {
        text += ": '\(answer.packText)'"
        if answer.packText != answer.referenceText {
          text += ", the reference '\(answer.referenceText)'"
        }
        json.set("question", answer.question)
        json.set("pack", answer.packText)
        json.set("reference", answer.referenceText)
        json.set("kl", Double(answer.divergence))
      }
      return (text, json)
    }
  }
}

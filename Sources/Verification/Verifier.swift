import MartletBytes
import MartletImages
import MartletModel
import MartletReference
import MartletRuntime

/// Runs the reference and one or more packs on the same pictures and compares them stage by stage.
package final class Verifier {
  private let reference: ReferenceRun
  private let packs: [PackedRun]
  private let layerPictures: Int

  /// - Parameters:
  ///   - layerPictures: the first so many pictures are also compared layer by layer.
  package init(reference: ReferenceRun, packs: [PackedRun], layerPictures: Int) {
    self.reference = reference
    self.packs = packs
    self.layerPictures = layerPictures
  }

  /// Everything about one picture.
  ///
  /// - Parameters:
  ///   - place: of the picture among all.
  ///   - pixels: as they were decoded.
  /// - Returns: a record a pack.
  package func records(
    of picture: VerificationCases.Picture, place: Int, pixels: Pixels
  ) throws(VerificationError) -> [PictureRecord] {
    let seen = try reference.picture(pixels, name: picture.name)
    var records: [PictureRecord] = []
    var rows: [[Float]] = []
    for pack in packs {
      var (record, found) = try pack.picture(seen, place: place)
      if place < layerPictures {
        record.layers = try LayerComparison(pack, beside: reference).layers(
          seen, question: picture.questions.first?.text)
      }
      records.append(record)
      rows.append(found)
    }
    for question in picture.questions {
      guard let answer = try reference.answer(question.text, about: seen) else { continue }
      for (index, pack) in packs.enumerated() {
        if let record = try pack.question(question, rows: rows[index], expected: answer) {
          records[index].questions.append(record)
        }
      }
    }
    let peak = Machine.peakResidentBytes
    for index in records.indices { records[index].peakBytes = peak }
    return records
  }
}

import MartletBytes
import MartletImages
import MartletModel
import MartletVerification

/// Where pictures lie, to show what a model saw.
struct ReportPictures {
  /// Path of a picture by its name; results from other machines may have none.
  let path: (String) -> String?
  let specification: ImageSpecification

  /// The prepared picture as an address, if it is there and still the one that was compared.
  func address(_ name: String, pixels: String) -> String? {
    guard let path = path(name), let found = try? preparedPicture(path, for: specification),
      EvaluationSubject.text(XXH64.checksum(found.bytes)) == pixels
    else { return nil }
    return Thumbnail.address(of: found)
  }
}

/// The pictures whose features suffered most, with the error over the picture.
struct PictureSection {
  let numbers: ReportNumbers
  let pictures: ReportPictures
  let place: Int

  var html: String {
    let worst = numbers.value("worst_pictures")?.array ?? []
    if worst.isEmpty { return "" }
    let errors = worst.map { ($0["feature_errors"]?.array ?? []).map { $0.double ?? 0 } }
    let finite = errors.joined().filter(\.isFinite)
    let (least, most) = (finite.min() ?? 0, finite.max() ?? 0)
    var html =
      "<section><h2>Pictures that suffered most</h2>\n<p class=\"quiet\">By signal over error of their "
    html +=
      "image tokens. Right: error of the encoder's features at each place, as a share of their mean length; "
    html +=
      "clear is \(Markup.number(100 * least)) %, full color \(Markup.number(100 * most)) %.</p>\n<div class=\"pictures\">\n"
    for (index, picture) in worst.enumerated() {
      let name = picture["image"]?.string ?? ""
      let address = pictures.address(name, pixels: picture["pixels"]?.string ?? "")
      html += figure(index, name: name, address: address, errors[index], least...most)
    }
    return html + "</div></section>\n"
  }

  private func figure(
    _ index: Int, name: String, address: String?, _ errors: [Double],
    _ range: ClosedRange<Double>
  ) -> String {
    let id = "picture-\(place)-\(index)"
    var html = "<figure><div class=\"pair\">"
    html += "<svg viewBox=\"0 0 100 100\" role=\"img\" aria-label=\"picture\">"
    if let address {
      html += "<image id=\"\(id)\" href=\"\(address)\" width=\"100\" height=\"100\" />"
    } else {
      html +=
        "<text x=\"50\" y=\"52\" text-anchor=\"middle\" style=\"font-size:7px\">picture not at hand</text>"
    }
    html += "</svg><svg viewBox=\"0 0 100 100\" role=\"img\" aria-label=\"error over the picture\">"
    if address != nil { html += "<use href=\"#\(id)\" opacity=\".55\" />" }
    html += heat(errors, range) + "</svg></div>"
    let key = "worst_pictures.\(index)."
    html += "<figcaption><bdi>\(Markup.escaped(Markup.cut(name, to: 120)))</bdi><br />"
    html +=
      "\(numbers.text(key + "sqnr_db", .decibels)), cosine \(numbers.text(key + "cosine", .similarity))"
    return html + "</figcaption></figure>\n"
  }

  /// Rows of features as they lie in the picture: a square grid where their number is one.
  private func heat(_ errors: [Double], _ range: ClosedRange<Double>) -> String {
    if errors.isEmpty { return "" }
    let side = Int(Double(errors.count).squareRoot().rounded())
    let (columns, rows) = side * side == errors.count ? (side, side) : (errors.count, 1)
    let (width, height) = (100 / Double(columns), 100 / Double(rows))
    var html = "<g style=\"fill:var(--own)\">"
    for (index, error) in errors.enumerated() {
      let reach = range.upperBound - range.lowerBound
      let share = reach > 0 && error.isFinite ? (error - range.lowerBound) / reach : 1
      html += "<rect x=\"\(Markup.place(width * Double(index % columns)))\" "
      html +=
        "y=\"\(Markup.place(height * Double(index / columns)))\" width=\"\(Markup.place(width + 0.1))\" "
      html +=
        "height=\"\(Markup.place(height + 0.1))\" fill-opacity=\"\(Markup.number(0.9 * share))\">"
      html += "<title>\(Markup.number(100 * error)) %</title></rect>"
    }
    return html + "</g>"
  }
}

import MartletBytes
import MartletImages
import MartletModel

/// A picture from a file, prepared for a model.
func preparedPicture(_ path: String, for specification: ImageSpecification) throws -> Pixels {
  let file = try MappedFile(path: path)
  let pixels = try file.withBytes { bytes throws(ImageError) in
    try ImageDecoder.pixels(of: bytes, name: path)
  }
  return try pixels.prepared(for: specification, name: path)
}

extension CheckpointTensor {
  /// The tensor with its extents in another order: extent `i` of the result is extent `axes[i]` of this one.
  ///
  /// - Returns: `nil` where the numbers do not lie in the file as they are.
  package func permuted(_ axes: [Int]) -> CheckpointTensor? {
    precondition(axes.sorted() == Array(shape.indices), "every extent is named once")
    let strides: [Int]
    switch storage {
    case .contiguous: strides = StridedLayout.rowMajor(shape)
    case .strided(_, strides: let stored): strides = stored
    case .decoded: return nil
    }
    guard let range = storage.byteRange,
      let layout = StridedLayout(shape: axes.map { shape[$0] }, strides: axes.map { strides[$0] })
    else { return nil }
    return .view(
      name: name, elementType: elementType, layout: layout, file: file, start: range.lowerBound)
  }
}

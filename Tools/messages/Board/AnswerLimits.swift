/// What options of an answer may be, for both command lines.
package enum AnswerLimits {
  /// Far beyond any model's context, and small enough that sums of positions cannot overflow.
  package static let tokens = 1 << 20
  package static let temperature: Float = 100
  package static let threads = 1024
  /// A day, in milliseconds.
  package static let deadline: Float = 86_400_000
}

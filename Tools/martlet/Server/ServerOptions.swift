import Foundation
import MartletImages
import MartletServing

/// What a server allows; set once, before it listens.
struct ServerOptions: Sendable {
  var host: String
  var port: Int
  /// Name of the model in answers and in `/v1/models`.
  var modelName: String
  /// `nil` lets everybody in.
  var key: [UInt8]?
  var pictures: PictureSource
  var pictureLimits: ImageLimits
  /// Most tokens of an answer, and the number where a request names none.
  var maximumTokens: Int
  /// Bytes of one request's body.
  var bodyLimit: Int
  /// Bytes of all bodies that are held at once.
  var bodiesLimit: Int { 4 * bodyLimit }
  /// Requests that wait for their turn.
  var queueLimit: Int
  var connectionLimit: Int
  /// Seconds in which a whole request must have come.
  var patience: Int64

  /// Whether only this machine can connect.
  var isLocal: Bool { host == "127.0.0.1" || host == "::1" || host == "localhost" }

  /// Compares a bearer key in a time that does not tell how much of it was right.
  func admits(_ authorization: String?) -> Bool {
    guard let key else { return true }
    let found = Array((authorization ?? "").utf8)
    let expected = Array("Bearer ".utf8) + key
    var difference = found.count ^ expected.count
    for (index, byte) in expected.enumerated() {
      difference |= Int(byte ^ (index < found.count ? found[index] : 0))
    }
    return difference == 0
  }

  /// Without a key only names of this machine are answered to: a page of another site must not reach the server under
  /// a name of its own that it lets point here.
  func admits(host name: String?) -> Bool {
    guard isLocal, key == nil else { return true }
    guard var name = name?.lowercased() else { return false }
    if let colon = name.lastIndex(of: ":"), name[name.index(after: colon)...].allSatisfy(\.isNumber)
    {
      name = String(name[..<colon])
    }
    return ["127.0.0.1", "localhost", "[::1]"].contains(name)
  }
}

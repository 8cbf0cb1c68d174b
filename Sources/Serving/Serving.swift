// What a request for an answer over HTTP means, before any model or socket has a part in it.
//
// In:      the body of a chat completion in OpenAI's form, and the folder whose files it may name.
// Out:     a conversation with its pictures, as token ids and the bytes of the pictures; the JSON of answers.
// Refuses: fields that nobody here knows, options that would change the answer and are not kept, pictures from the
//          network, files outside the allowed folder, roles and parts a template cannot say. Never ignores one of them.

import MartletBytes

/// Why a request is refused. The cases carry evidence; Tools/messages has the words.
package enum ServingError: Error, Equatable, Sendable {
  /// Not JSON, or no object.
  case body(BytesError)
  /// A value of the wrong kind or outside what is taken.
  case value(field: String, expected: String, found: String)
  case missing(field: String)
  case unknownField(field: String, nearest: String?)
  /// An option of the interface that Martlet does not have; kept apart from a wrong value, as it may be right elsewhere.
  case unsupported(field: String, found: String, expected: String)
  case model(asked: String, served: String)
  /// A picture's address is neither a data URL nor a file that may be read.
  case pictureAddress(field: String, found: String)
  case base64(field: String)
  case fileNotAllowed(field: String)
  case pictureTooLarge(field: String, bytes: Int, limit: Int)
  case tooManyPictures(found: Int, limit: Int)
  /// The model has no words for this conversation.
  case conversation(field: String, expected: String, found: String)
}

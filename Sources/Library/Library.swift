// The C interface: libmartlet.
//
// In:      the calls of martlet.h.
// Out:     statuses, and errors in the words of the command lines.
// Refuses: what martlet.h says.
//
// Each function below is one of martlet.h: pointers become values here, and nowhere else.

import CMartletLibrary
import MartletBoardMessages
import MartletBytes
import MartletImages
import MartletModel
import MartletRuntime

/// Turns an error into a status, and into words where the caller wants them.
private func failed(
  _ error: ErrorReport, _ message: UnsafeMutablePointer<martlet_message>?
) -> martlet_status {
  if let message = unsafe message {
    unsafe withUnsafeMutableBytes(of: &message.pointee.text) { text in
      // The last byte stays 0; a character is never cut in two.
      var count = 0
      for character in error.text.unicodeScalars {
        let bytes = Array(String(character).utf8)
        if count + bytes.count >= text.count { break }
        for byte in bytes {
          unsafe text[count] = byte
          count += 1
        }
      }
      unsafe text[count] = 0
    }
  }
  switch error.code {
  case .missedLimit, .bug: return MARTLET_BUG
  case .usage: return MARTLET_USAGE
  case .badData: return MARTLET_BAD_DATA
  case .inputMissing: return MARTLET_INPUT_MISSING
  case .inputOutput: return MARTLET_INPUT_OUTPUT
  }
}

/// Says in words that a model is busy.
private func busy(_ message: UnsafeMutablePointer<martlet_message>?) -> martlet_status {
  _ = unsafe failed(ErrorReport(.usage, "another call on this model is running"), message)
  return MARTLET_BUSY
}

// SAFETY of all functions below: the caller passes what martlet.h asks for; handles are objects retained when they were
// made and released once.

private func model(_ handle: OpaquePointer) -> Model {
  unsafe Unmanaged<Model>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

private func picture(_ handle: OpaquePointer) -> Picture {
  unsafe Unmanaged<Picture>.fromOpaque(UnsafeRawPointer(handle)).takeUnretainedValue()
}

/// The error of a structure whose `size` is smaller than that of the first version, mostly because it was not set.
private func unsized(
  _ what: String, _ message: UnsafeMutablePointer<martlet_message>?
) -> martlet_status {
  unsafe failed(ErrorReport(.usage, "the size of \(what) is not set"), message)
}

@_cdecl("martlet_model_open")
public func openModel(
  _ path: UnsafePointer<CChar>, _ options: UnsafePointer<martlet_options>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>, _ message: UnsafeMutablePointer<martlet_message>?
) -> martlet_status {
  unsafe result.pointee = nil
  var threads: Int?
  var name: String?
  var limit: MemoryLimit?
  if let options = unsafe options {
    guard unsafe options.pointee.size >= MemoryLayout<martlet_options>.size else {
      return unsafe unsized("options", message)
    }
    if unsafe options.pointee.threads > 0 { threads = unsafe Int(options.pointee.threads) }
    if unsafe options.pointee.memory_limit > 0 {
      limit = unsafe MemoryLimit(bytes: Int(clamping: options.pointee.memory_limit))
    }
    if let isa = unsafe options.pointee.isa { name = unsafe String(cString: isa) }
  }
  do throws(ErrorReport) {
    if let threads, threads > AnswerLimits.threads {
      throw ErrorReport(.usage, "\(threads) threads are more than \(AnswerLimits.threads)")
    }
    let model = try Model(
      path: unsafe String(cString: path), threads: threads, instructionSet: name,
      memory: limit)
    unsafe result.pointee = OpaquePointer(Unmanaged.passRetained(model).toOpaque())
    return MARTLET_OK
  } catch { return unsafe failed(error, message) }
}

@_cdecl("martlet_model_close")
public func closeModel(_ handle: OpaquePointer?) {
  guard let handle = unsafe handle else { return }
  unsafe Unmanaged<Model>.fromOpaque(UnsafeRawPointer(handle)).release()
}

@_cdecl("martlet_model_describe")
public func describeModel(
  _ handle: OpaquePointer, _ result: UnsafeMutablePointer<martlet_description>,
  _ message: UnsafeMutablePointer<martlet_message>?
) -> martlet_status {
  guard unsafe result.pointee.size >= MemoryLayout<martlet_description>.size else {
    return unsafe unsized("a description", message)
  }
  let model = unsafe model(handle)
  unsafe result.pointee.threads = UInt32(model.options.threads)
  unsafe result.pointee.resolution = UInt32(model.description.image.resolution)
  unsafe result.pointee.picture_rows = UInt32(model.pictureRows)
  unsafe result.pointee.row_width = UInt32(model.rowWidth)
  unsafe result.pointee.answers = model.description.prompt != nil
  unsafe withUnsafeMutableBytes(of: &result.pointee.isa) { text in
    var count = 0
    for byte in model.options.instructionSet.name.utf8 where count + 1 < text.count {
      unsafe text[count] = byte
      count += 1
    }
    unsafe text[count] = 0
  }
  return MARTLET_OK
}

/// Encodes what `pixels` gives and hands the picture out.
private func encode(
  _ handle: OpaquePointer, _ result: UnsafeMutablePointer<OpaquePointer?>,
  _ message: UnsafeMutablePointer<martlet_message>?, _ pixels: () throws(ErrorReport) -> Pixels
) -> martlet_status {
  unsafe result.pointee = nil
  let model = unsafe model(handle)
  guard model.enter() else { return unsafe busy(message) }
  defer { model.leave() }
  do throws(ErrorReport) {
    let picture = try model.encode(try pixels())
    unsafe result.pointee = OpaquePointer(Unmanaged.passRetained(picture).toOpaque())
    return MARTLET_OK
  } catch { return unsafe failed(error, message) }
}

@_cdecl("martlet_picture_from_pixels")
public func pictureFromPixels(
  _ handle: OpaquePointer, _ pixels: UnsafePointer<UInt8>, _ height: Int, _ width: Int,
  _ rowBytes: Int, _ result: UnsafeMutablePointer<OpaquePointer?>,
  _ message: UnsafeMutablePointer<martlet_message>?
) -> martlet_status {
  unsafe encode(handle, result, message) { () throws(ErrorReport) -> Pixels in
    let side = 1 << 16
    guard height > 0, width > 0, height <= side, width <= side, rowBytes >= 3 * width else {
      throw ErrorReport(
        .usage, "\(height) rows of \(width) pixels, \(rowBytes) bytes apart, are none")
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(3 * height * width)
    for row in 0..<height {
      unsafe bytes.append(
        contentsOf: unsafe UnsafeBufferPointer(start: pixels + row * rowBytes, count: 3 * width))
    }
    return Pixels(height: height, width: width, bytes: bytes)
  }
}

@_cdecl("martlet_picture_from_file")
public func pictureFromFile(
  _ handle: OpaquePointer, _ bytes: UnsafePointer<UInt8>, _ count: Int,
  _ result: UnsafeMutablePointer<OpaquePointer?>, _ message: UnsafeMutablePointer<martlet_message>?
) -> martlet_status {
  unsafe encode(handle, result, message) { () throws(ErrorReport) -> Pixels in
    guard count >= 0 else { throw ErrorReport(.usage, "\(count) is no number of bytes") }
    let file = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
    do throws(ImageError) {
      return try ImageDecoder.pixels(of: file, name: "picture")
    } catch { throw .of(error) }
  }
}

@_cdecl("martlet_picture_release")
public func releasePicture(_ handle: OpaquePointer?) {
  guard let handle = unsafe handle else { return }
  unsafe Unmanaged<Picture>.fromOpaque(UnsafeRawPointer(handle)).release()
}

@_cdecl("martlet_picture_read")
public func readPicture(
  _ handle: OpaquePointer, _ rows: UnsafeMutablePointer<Float>?, _ capacity: Int,
  _ prepareMilliseconds: UnsafeMutablePointer<Double>?,
  _ encodeMilliseconds: UnsafeMutablePointer<Double>?,
  _ message: UnsafeMutablePointer<martlet_message>?
) -> martlet_status {
  let picture = unsafe picture(handle)
  if let rows = unsafe rows {
    guard capacity >= picture.rows.count else {
      return unsafe failed(
        ErrorReport(.usage, "\(picture.rows.count) floats do not fit into \(capacity)"), message)
    }
    for index in picture.rows.indices { unsafe rows[index] = picture.rows[index] }
  }
  if let target = unsafe prepareMilliseconds {
    unsafe target.pointee = picture.prepareMilliseconds
  }
  if let target = unsafe encodeMilliseconds { unsafe target.pointee = picture.encodeMilliseconds }
  return MARTLET_OK
}

@_cdecl("martlet_model_generate")
public func generate(
  _ handle: OpaquePointer, _ prompt: UnsafePointer<CChar>,
  _ pictures: UnsafePointer<OpaquePointer?>?,
  _ pictureCount: Int, _ request: UnsafePointer<martlet_request>?,
  _ callback: (@convention(c) (UnsafeMutableRawPointer?, Int64, UnsafePointer<CChar>) -> Bool)?,
  _ context: UnsafeMutableRawPointer?, _ result: UnsafeMutablePointer<martlet_result>?,
  _ message: UnsafeMutablePointer<martlet_message>?
) -> martlet_status {
  let model = unsafe model(handle)
  var given: [Picture] = []
  if let pictures = unsafe pictures {
    for index in 0..<max(0, pictureCount) {
      guard let handle = unsafe pictures[index] else {
        return unsafe failed(ErrorReport(.usage, "picture \(index) is NULL"), message)
      }
      unsafe given.append(picture(handle))
    }
  }
  var maximum = 256
  var temperature: Float = 0
  var seed: UInt64 = 0
  if let result = unsafe result, unsafe result.pointee.size < MemoryLayout<martlet_result>.size {
    return unsafe unsized("a result", message)
  }
  if let request = unsafe request {
    guard unsafe request.pointee.size >= MemoryLayout<martlet_request>.size else {
      return unsafe unsized("a request", message)
    }
    if unsafe request.pointee.maximum_tokens > 0 {
      maximum = unsafe Int(request.pointee.maximum_tokens)
    }
    temperature = unsafe request.pointee.temperature
    seed = unsafe request.pointee.seed
  }
  guard maximum <= AnswerLimits.tokens, temperature >= 0, temperature <= AnswerLimits.temperature
  else {
    return unsafe failed(
      ErrorReport(
        .usage, "a request takes 1 to \(AnswerLimits.tokens) tokens and a temperature from 0"),
      message)
  }
  guard model.enter() else { return unsafe busy(message) }
  defer { model.leave() }
  do throws(ErrorReport) {
    let generated = try model.generate(
      unsafe String(cString: prompt), given, maximumTokens: maximum, temperature: temperature,
      seed: seed
    ) { id, text in
      guard let callback = unsafe callback else { return true }
      var bytes = text.utf8.map { CChar(bitPattern: $0) }
      bytes.append(0)
      return unsafe callback(context, Int64(id), bytes)
    }
    if let result = unsafe result {
      unsafe result.pointee.finish = finish(generated.finishReason)
      unsafe result.pointee.prompt_tokens = UInt32(generated.promptTokens)
      unsafe result.pointee.tokens = UInt32(generated.ids.count)
      unsafe result.pointee.prefill_ms = generated.prefillMilliseconds
      unsafe result.pointee.first_token_ms = generated.firstTokenMilliseconds
      unsafe result.pointee.total_ms = generated.totalMilliseconds
      unsafe result.pointee.tokens_per_second = generated.decodeTokensPerSecond
    }
    return MARTLET_OK
  } catch { return unsafe failed(error, message) }
}

private func finish(_ reason: FinishReason) -> martlet_finish {
  switch reason {
  case .stop: MARTLET_FINISH_STOP
  case .length: MARTLET_FINISH_LENGTH
  case .cancelled: MARTLET_FINISH_CANCELLED
  }
}

@_cdecl("martlet_model_cancel")
public func cancelModel(_ handle: OpaquePointer) { unsafe model(handle).cancel() }

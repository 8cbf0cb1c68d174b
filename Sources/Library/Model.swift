import CMartletLibrary
import MartletBoardMessages
import MartletBytes
import MartletImages
import MartletModel
import MartletPack
import MartletRuntime
import MartletText

/// What a `martlet_model` is.
@safe
final class Model {
  let options: RunOptions
  private let pool: ThreadPool
  private let model: LoadedModel
  private let vision: VisionSession
  private let tokenizer: Tokenizer?
  /// What one tensor takes at most of the mapped pack.
  private let largestMapped: Int
  // SAFETY: made in `init`, given back in `deinit` only.
  private let flags: OpaquePointer

  var description: ModelDescription { model.description }
  var pictureRows: Int { vision.tokens }
  var rowWidth: Int { vision.channels }

  init(
    path: String, threads: Int?, instructionSet name: String?, memory: MemoryLimit?
  ) throws(ErrorReport) {
    let set: InstructionSet
    do throws(RuntimeError) {
      set = if let name { try InstructionSet(named: name) } else { .best }
    } catch { throw .of(error) }
    options = RunOptions(
      instructionSet: set, threads: threads ?? Machine.current().physicalCores,
      memory: memory)
    do throws(BytesError) {
      pool = try ThreadPool(threads: options.threads)
    } catch { throw .of(error) }
    let pack: Pack
    do throws(PackError) { pack = try Pack(path: path) } catch { throw .of(error, in: path) }
    do throws(RuntimeError) {
      let (model, options, pool) = (
        try LoadedModel(pack, memory: memory, pool: pool), options, pool
      )
      self.model = model
      largestMapped = LoadedWeights.need(of: nil, in: pack).largestMappedBytes
      vision = try Self.made(options, largestMapped) { options throws(RuntimeError) in
        let session = try VisionSession(model: model, options: options, pool: pool)
        return (session, session.workingBytes)
      }
    } catch { throw .of(error, in: path) }
    if let specification = model.description.tokenizer {
      do throws(TextError) {
        tokenizer = try Tokenizer(specification)
      } catch { throw .of(error) }
    } else {
      tokenizer = nil
    }
    guard let flags = unsafe martlet_flags_create() else {
      throw ErrorReport(.inputOutput, "there is no memory for a model")
    }
    unsafe self.flags = flags
  }

  deinit { unsafe martlet_flags_destroy(flags) }

  /// What `make` makes, with tiles small enough for the memory there may be.
  private static func made<T>(
    _ options: RunOptions, _ largestMapped: Int,
    _ make: (RunOptions) throws(RuntimeError) -> (T, bytes: Int)
  ) throws(RuntimeError) -> T {
    guard let memory = options.memory else { return try make(options).0 }
    return try memory.fitting(options, largestMapped: largestMapped, make)
  }

  /// - Returns: whether no other call was running; then `leave` follows.
  func enter() -> Bool { unsafe martlet_flags_enter(flags) }
  func leave() { unsafe martlet_flags_leave(flags) }
  func cancel() { unsafe martlet_flags_cancel(flags) }

  func encode(_ pixels: Pixels) throws(ErrorReport) -> Picture {
    let start = MonotonicClock.nanoseconds
    let prepared: Pixels
    do throws(ImageError) {
      prepared = try pixels.prepared(for: description.image, name: "picture")
    } catch { throw .of(error) }
    let preparation = MonotonicClock.milliseconds(since: start)
    do throws(RuntimeError) {
      let encoding = try vision.encode(prepared)
      return Picture(
        rows: encoding.imageTokens, prepareMilliseconds: preparation,
        encodeMilliseconds: encoding.encodeMilliseconds + encoding.projectMilliseconds)
    } catch { throw .of(error) }
  }

  /// - Parameter onText: the id and the text that came with it; −1 for what is left at the end.
  func generate(
    _ prompt: String, _ pictures: [Picture], maximumTokens: Int, temperature: Float, seed: UInt64,
    onText: (Int, String) -> Bool
  ) throws(ErrorReport) -> GenerationResult {
    guard let tokenizer, let template = description.prompt else {
      throw ErrorReport(.badData, "the pack cannot answer", ["it holds an image encoder only"])
    }
    var rows: [Float] = []
    for picture in pictures {
      guard picture.rows.count == pictureRows * rowWidth else {
        throw ErrorReport(.usage, "a picture was made by another model")
      }
      rows.append(contentsOf: picture.rows)
    }
    let question: Prompt
    let length: Int
    do throws(TextError) {
      question = try Prompt(
        question: prompt, imageCount: pictures.count, template: template, tokenizer: tokenizer)
      length = try question.splicedLength(
        tokensPerImage: pictureRows, maximum: template.maximumTokens)
    } catch { throw .of(error) }
    var decoder = StreamingDecoder(tokenizer)
    let flags = unsafe flags
    do throws(RuntimeError) {
      let (model, pool) = (model, pool)
      if options.memory != nil { model.dropPages() }
      let session = try Self.made(options, largestMapped) { options throws(RuntimeError) in
        let session = try LanguageSession(
          model: model, capacity: length + maximumTokens, options: options, pool: pool)
        return (session, session.workingBytes)
      }
      let result = try session.generate(
        GenerationRequest(
          ids: question.ids, maximumTokens: maximumTokens, stopIDs: template.stopIDs,
          sampler: Sampler(temperature: temperature, seed: seed)),
        imageRows: rows, tokensPerImage: pictureRows
      ) { id in
        // SAFETY: the flags live as long as this object, which the caller holds.
        let goesOn = onText(id, decoder.append(id))
        return unsafe goesOn && !martlet_flags_cancelled(flags)
      }
      let rest = decoder.finish()
      if !rest.isEmpty { _ = onText(-1, rest) }
      return result
    } catch { throw .of(error) }
  }
}

/// What a `martlet_picture` is.
final class Picture {
  let rows: [Float]
  let prepareMilliseconds: Double
  let encodeMilliseconds: Double

  init(rows: [Float], prepareMilliseconds: Double, encodeMilliseconds: Double) {
    self.rows = rows
    self.prepareMilliseconds = prepareMilliseconds
    self.encodeMilliseconds = encodeMilliseconds
  }
}

import MartletBoardMessages
import MartletBytes
import MartletImages
import MartletModel
import MartletRuntime
import MartletText
import Testing

/// The words of errors that a board can meet.
@Suite struct BoardWordingTests {
  static let files: [Wording] = [
    Wording(
      .of(BytesError.system(operation: .open, path: "a/b", code: 2)), .inputMissing,
      "error: cannot open 'a/b'\n  the system says: no such file or directory"),
    Wording(
      .of(BytesError.system(operation: .list, path: "a/b", code: 20)), .inputMissing,
      "error: cannot list 'a/b'\n  the system says: not a directory"),
    Wording(
      .of(BytesError.system(operation: .open, path: "a/b", code: 13)), .inputOutput,
      """
      error: cannot open 'a/b'
        the system says: permission denied
        hint: look at the permissions of the file and its folder
      """),
    Wording(
      .of(BytesError.system(operation: .create, path: "a/b", code: 2)), .inputOutput,
      """
      error: cannot create 'a/b'
        the system says: no such file or directory
        hint: see that the folder 'a' exists
      """),
    Wording(
      .of(BytesError.system(operation: .write, path: "b", code: 28)), .inputOutput,
      """
      error: cannot write 'b'
        the system says: no space left on device
        hint: free some space and run again
      """),
    Wording(
      .of(BytesError.system(operation: .write, path: "b", code: 27)), .inputOutput,
      """
      error: cannot write 'b'
        the system says: file too large
        hint: the file system or a limit (ulimit -f) does not allow a file of this size
      """),
    Wording(
      .of(BytesError.system(operation: .commit, path: "b", code: 5)), .inputOutput,
      "error: cannot finish 'b'\n  the system says: input/output error"),
    Wording(
      .of(BytesError.system(operation: .makeDirectory, path: "a/b", code: 30)), .inputOutput,
      """
      error: cannot make folder 'a/b'
        the system says: read-only file system
        hint: look at the permissions of the file and its folder
      """),
    Wording(
      .of(BytesError.system(operation: .examine, path: "b", code: 40)), .inputOutput,
      "error: cannot look at 'b'\n  the system says: too many levels of symbolic links"),
    Wording(
      .of(BytesError.system(operation: .discard, path: "b", code: 5)), .inputOutput,
      "error: cannot read 'b'\n  the system says: input/output error"),
    Wording(
      .of(BytesError.notAFile(path: "b")), .badData,
      """
      error: cannot use 'b'
        expected: a regular file
        found: a folder, a device or a pipe
      """),
    Wording(
      .of(BytesError.fileTooLarge(path: "b", limit: 100)), .badData,
      """
      error: cannot read 'b'
        the file has more than 100 bytes
        hint: such a file is read whole; this one is probably another kind of file
      """),
    Wording(
      .of(BytesError.truncated(source: "b", offset: 8, needed: 4, available: 1)), .badData,
      """
      error: cannot read 'b'
        at byte 8: 4 bytes expected, 1 left
        hint: the file may be cut short; compare its size with the source
      """),
    Wording(
      .of(BytesError.sizeOverflow(source: "b", offset: 8, found: .max)), .badData,
      """
      error: cannot read 'b'
        at byte 8: 18446744073709551615 is no possible size
        hint: the file is damaged, or is another kind of file
      """),
    Wording(
      .of(BytesError.notUTF8(source: "b", offset: 3)), .badData,
      "error: cannot read 'b'\n  at byte 3: expected text in UTF-8, found other bytes"),
    Wording(
      .of(BytesError.processors(requested: "0-9", allowed: "0,1")), .usage,
      "error: cannot run on processors 0-9\n  this process may use: 0,1"),
    Wording(
      .of(BytesError.threads(requested: 900, code: 11)), .inputOutput,
      """
      error: cannot start 900 threads
        the system says: resource temporarily unavailable
        hint: use fewer: --threads N
      """),
  ]

  static let json: [Wording] = [
    (JSONProblem.unexpectedEnd, "the text ends inside a value"),
    (.unexpectedByte(0x0A), "byte 0a cannot stand here"),
    (.trailingBytes, "something follows the value"),
    (.tooDeep, "nested deeper than 128 levels"),
    (.duplicateKey("k"), "key 'k' stands twice in one object"),
    (.badEscape, "the character after a backslash is no escape"),
    (.loneSurrogate, "half of a surrogate pair stands alone"),
    (.controlCharacter(1), "control character 01 inside a string"),
    (.notUTF8, "a string is not UTF-8"),
    (.numberTooLong, "a number is longer than any number needs to be"),
  ].map { problem, text in
    Wording(
      .of(BytesError.json(source: "b", offset: 7, problem: problem)), .badData,
      "error: cannot read 'b'\n  at byte 7: not valid JSON, \(text)")
  }

  static let images: [Wording] = [
    Wording(
      .of(ImageError.unknownFormat(name: "a.gif", firstBytes: [0x47, 0x49, 0x46])), .badData,
      """
      error: cannot read picture 'a.gif'
        expected: PNG, JPEG or WebP; found: first bytes 47 49 46
      """),
    Wording(
      .of(ImageError.unknownFormat(name: "a", firstBytes: [])), .badData,
      "error: cannot read picture 'a'\n  expected: PNG, JPEG or WebP; found: nothing"),
    Wording(
      .of(ImageError.truncated(name: "a", format: .png, expected: 33, found: 9)), .badData,
      """
      error: cannot read picture 'a'
        PNG: at least 33 bytes expected, 9 found
        hint: the file may be cut short; compare its size with the source
      """),
    Wording(
      .of(ImageError.damaged(name: "a", format: .jpeg, reason: "bad huffman code")), .badData,
      """
      error: cannot read picture 'a'
        JPEG: bad huffman code
        hint: see whether another program opens it
      """),
    Wording(
      .of(ImageError.unsupported(name: "a", format: .webp, feature: "animation")), .badData,
      """
      error: cannot read picture 'a'
        WebP: not supported: animation
        hint: save it as a plain PNG or JPEG
      """),
    Wording(
      .of(ImageError.empty(name: "a", width: 0, height: 4)), .badData,
      "error: cannot read picture 'a'\n  it has 0 × 4 pixels, at least 1 × 1 expected"),
    Wording(
      .of(ImageError.sideTooLong(name: "a", width: 60000, height: 4, limit: 32768)), .badData,
      """
      error: cannot read picture 'a'
        it has 60000 × 4 pixels, at most 32768 a side expected
        hint: make the picture smaller
      """),
    Wording(
      .of(ImageError.tooManyPixels(name: "a", width: 30000, height: 30000, limit: 1000)), .badData,
      """
      error: cannot read picture 'a'
        it has 30000 × 30000 pixels, at most 1000 in all expected
        hint: make the picture smaller
      """),
    Wording(
      .of(ImageError.outOfMemory(name: "a", format: .png, width: 9, height: 8)), .inputOutput,
      """
      error: no memory for picture 'a'
        PNG of 9 × 8 pixels
        hint: make the picture smaller
      """),
    Wording(
      .of(ImageError.specification(what: "resolution", found: 0)), .badData,
      "error: cannot prepare pictures as the model asks\n  resolution: found 0"),
  ]

  private static let faulty = "error: cannot use the model's tokenizer\n  "
  private static let file = "error: cannot read tokenizer 'vocab.json'\n  "

  static let text: [Wording] =
    [
      (TextError.idOutOfRange(id: 9, limit: 5), faulty + "token id 9: expected 0 to 4"),
      (
        .vocabularyTooLarge(byteCount: 9, limit: 5),
        faulty + "its tokens have 9 bytes, at most 5 expected"
      ),
      (.missingByte(0xAB), faulty + "no token stands for byte ab"),
      (
        .duplicateByte(0xAB, firstID: 1, secondID: 2),
        faulty + "ids 1 and 2 both stand for byte ab"
      ),
      (.mergeUnknownID(rank: 3, id: 7), faulty + "merge 3 names id 7, which has no token"),
      (
        .mergeMismatch(rank: 3, left: 1, right: 2, result: 7),
        faulty + "merge 3: ids 1 and 2 joined are not the token of id 7"
      ),
      (.duplicateMerge(firstRank: 1, secondRank: 2), faulty + "merges 1 and 2 join the same pair"),
      (.emptyAddedToken(id: 4), faulty + "added token of id 4 has no text"),
      (
        .duplicateAddedToken(content: "<x>", firstID: 1, secondID: 2),
        faulty + "ids 1 and 2 are both added token '<x>'"
      ),
      (.duplicateID(1, first: "a", second: "b"), faulty + "'a' and 'b' both have id 1"),
      (
        .bytes(.notUTF8(source: "vocab.json", offset: 3)),
        "error: cannot read 'vocab.json'\n  at byte 3: expected text in UTF-8, found other bytes"
      ),
      (.missing(source: "vocab.json", field: "model"), file + "'model' is missing"),
      (
        .kind(source: "vocab.json", field: "model", expected: "object", found: "null"),
        file + "'model': expected object, found null"
      ),
      (
        .unsupported(source: "vocab.json", field: "model.type", expected: "BPE", found: "Unigram"),
        file + "'model.type': only BPE is supported, found Unigram"
      ),
      (
        .notByteLevel(source: "vocab.json", token: "図", id: 4),
        file + "token '図' (id 4) is not made of byte characters"
      ),
      (
        .mergeSyntax(source: "vocab.json", rank: 4, text: "a"),
        file + "merge 4: expected two tokens with one space, found 'a'"
      ),
      (
        .mergeUnknownToken(source: "vocab.json", rank: 4, token: "ab"),
        file + "merge 4 needs token 'ab', which the vocabulary lacks"
      ),
      (
        .addedTokensDisagree(source: "vocab.json", content: "<x>", id: 4),
        file + "added token '<x>': id 4 here, otherwise elsewhere"
      ),
    ].map { Wording(.of($0.0), .badData, $0.1) } + [
      Wording(
        .of(TextError.imagePlaceholders(images: 1, placeholders: 2)), .usage,
        """
        error: the prompt does not fit its pictures
          places marked <image>: 2; pictures given: 1
          hint: leave <image> out to put all pictures first, or write it once for each
        """),
      Wording(
        .of(TextError.promptTooLong(tokens: 9000, maximum: 8192)), .usage,
        """
        error: the prompt is too long
          with its pictures it has 9000 tokens, at most 8192 expected
          hint: ask a shorter question or give fewer pictures
        """),
    ]

  private static let unfit = "error: the model does not fit together\n  "

  static let model: [Wording] = [
    Wording(
      .of(ModelError.danglingReference(layer: "a", what: "value 3 of 2")), .badData,
      unfit + "layer 'a' refers to what is not there: value 3 of 2"),
    Wording(
      .of(ModelError.duplicateName("a")), .badData, unfit + "the name 'a' stands twice"),
    Wording(
      .of(ModelError.inputCount(layer: "a", expected: 2, found: 1)), .badData,
      unfit + "layer 'a': 2 inputs expected, 1 found"),
    Wording(
      .of(ModelError.inputShape(layer: "a", expected: "8 channels", found: "9 channels")),
      .badData, unfit + "layer 'a': expected 8 channels, found 9 channels"),
    Wording(
      .of(ModelError.parameterShape(layer: "a", parameter: "w", expected: [2, 3], found: [3])),
      .badData, unfit + "layer 'a', parameter 'w': expected [2, 3], found [3]"),
    Wording(
      .of(ModelError.extent(layer: "a", what: "kernel", found: 0)), .badData,
      unfit + "'a': 0 is no possible kernel"),
    Wording(
      .of(ModelError.notRunnable(layer: "a", op: "batchNorm")), .bug,
      "error: a layer was left unfolded\n  layer 'a' is still of kind batchNorm"),
    Wording(
      .of(ModelError.parameterUnavailable(name: "w", reason: "it is gone")), .badData,
      "error: cannot read parameter 'w'\n  it is gone"),
    Wording(
      .of(ModelError.notFinite(parameter: "w", index: 5)), .badData,
      """
      error: parameter 'w' holds a number that is not finite
        at element 5
        hint: the checkpoint is damaged, or was saved in a type too narrow for its numbers
      """),
  ]

  static let runtime: [Wording] = [
    Wording(
      .of(RuntimeError.pack(.tensorCount(expected: 2, found: 1)), in: "m.martlet"), .badData,
      """
      error: cannot read pack 'm.martlet'
        2 tensors expected, 1 found
        hint: the file is damaged; copy it again from where it was made
      """),
    Wording(
      .of(RuntimeError.resolution(found: 100, multipleOf: 64)), .usage,
      "error: the encoder does not take 100 × 100 pixels\n  expected: a positive multiple of 64"),
    Wording(
      .of(RuntimeError.rung(found: 100, sides: [64, 128])), .usage,
      """
      error: the pack was not made for 100 × 100 pixels
        expected: one of 64, 128
        hint: make it for more: convert --resolutions A,B,C
      """),
    Wording(
      .of(RuntimeError.pixels(expected: 64, foundHeight: 3, foundWidth: 4)), .bug,
      "error: a picture reached the encoder unprepared\n  64 × 64 pixels expected, 4 × 3 found"),
    Wording(
      .of(RuntimeError.unschedulable(layer: "a", op: "branches")), .badData,
      "error: the runtime cannot run this model\n  layer 'a' is of kind branches"),
    Wording(
      .of(RuntimeError.missingNetwork("projector")), .badData,
      "error: the pack cannot answer this\n  it has no projector"),
    Wording(
      .of(RuntimeError.encoding(layer: "a", parameter: "w", found: "int4")), .badData,
      "error: the runtime cannot run this model\n  layer 'a', parameter 'w': no kernel takes int4"),
    Wording(
      .of(RuntimeError.contextLength(limit: 10, needed: 12)), .usage,
      """
      error: the conversation is too long
        it takes 12 positions, at most 10 expected
        hint: ask for fewer tokens: --max-tokens N
      """),
    Wording(
      .of(RuntimeError.imageCount(expectedRows: 16, foundRows: 32)), .badData,
      """
      error: the prompt does not fit its pictures
        it has places for 16 image rows, 32 were made
      """),
    Wording(
      .of(RuntimeError.tokenID(found: 9, vocabulary: 5)), .badData,
      "error: the tokenizer does not fit the model\n  token id 9: expected 0 to 4"),
    Wording(
      .of(RuntimeError.instructionSet(requested: "neon", available: "scalar, avx2")), .usage,
      "error: this machine cannot run 'neon'\n  available: scalar, avx2"),
    Wording(
      .of(RuntimeError.memoryLimit(limit: 1000, needed: 2000, unpacked: 500)), .inputOutput,
      """
      error: the model does not run in 1000 bytes of memory
        at least 2000 bytes are needed
        hint: convert with --raw: weights stored plain need not all be in memory
      """),
    Wording(
      .of(RuntimeError.memoryLimit(limit: 1000, needed: 2000, unpacked: 0)), .inputOutput,
      """
      error: the model does not run in 1000 bytes of memory
        at least 2000 bytes are needed
        hint: allow more, or ask for fewer tokens
      """),
    Wording(
      .of(RuntimeError.outOfMemory(bytes: 1000)), .inputOutput,
      "error: no memory to run the model\n  1000 bytes were refused"),
  ]

  @Test(arguments: files + json) func wordsOfFiles(_ wording: Wording) { wording.check() }
  @Test(arguments: images) func wordsOfPictures(_ wording: Wording) { wording.check() }
  @Test(arguments: text) func wordsOfText(_ wording: Wording) { wording.check() }
  @Test(arguments: model) func wordsOfModels(_ wording: Wording) { wording.check() }
  @Test(arguments: runtime) func wordsOfTheRuntime(_ wording: Wording) { wording.check() }
}

import MartletBoardMessages
import MartletCalibration
import MartletMessages
import MartletQuantization
import MartletReference
import MartletVerification
import Testing

/// The words of errors of the float reference and of the stages above it.
@Suite struct WorkstationWordingTests {
  static let reference: [Wording] = [
    Wording(
      .of(ReferenceError.model(.duplicateName("a"))), .badData,
      "error: the model does not fit together\n  the name 'a' stands twice"),
    Wording(
      .of(ReferenceError.missingNetwork(.projector)), .badData,
      "error: the model cannot answer this\n  it has no projector part"),
    Wording(
      .of(ReferenceError.inputCount(network: "vision", expected: 1, found: 2)), .bug,
      "error: a network was started with the wrong inputs\n  'vision': 1 expected, 2 found"),
    Wording(
      .of(ReferenceError.inputShape(value: "x", expected: "[4]", found: "[5]")), .badData,
      "error: 'x' has the wrong shape\n  expected: [4]\n  found: [5]"),
    Wording(
      .of(ReferenceError.parameterCount(name: "w", expected: 4, found: 5)), .badData,
      "error: cannot read parameter 'w'\n  4 numbers expected, 5 found"),
    Wording(
      .of(ReferenceError.tokenOutOfRange(layer: "e", id: 9, rows: 5)), .badData,
      """
      error: the tokenizer does not fit the model
        layer 'e', token id 9: expected 0 to 4
      """),
    Wording(
      .of(ReferenceError.imageRowCount(layer: "e", places: 16, rows: 8)), .badData,
      """
      error: the prompt does not fit its pictures
        layer 'e': places for 16 image rows, 8 were made
      """),
    Wording(
      .of(ReferenceError.imageCount(places: 2, images: 1)), .usage,
      """
      error: the prompt does not fit its pictures
        it has places for 2 pictures, 1 were given
      """),
    Wording(
      .of(ReferenceError.cacheMismatch(layer: "a")), .bug,
      "error: a cache of another network was used\n  at layer 'a'"),
    Wording(
      .of(ReferenceError.notFinite(layer: "a", index: 3)), .badData,
      """
      error: layer 'a' computes a number that is not finite
        at element 3
        hint: the weights are damaged, or the picture drives them out of range
      """),
  ]

  static let quantization: [Wording] = [
    Wording(
      .of(QuantizationError.missingStatistic(value: "x", statistic: "range")), .usage,
      """
      error: the scheme needs calibration
        the range of 'x' is not known
        hint: give a folder of pictures: --calibration DIR
      """),
    Wording(
      .of(QuantizationError.statisticWidth(value: "x", expected: 4, found: 5)), .badData,
      """
      error: the calibration table does not fit the model
        'x': 4 channels expected, 5 found
        hint: calibrate this model again
      """),
    Wording(
      .of(QuantizationError.unmatchedPattern(pattern: "visio", nearest: "vision")), .usage,
      """
      error: a pattern matches no layer
        --keep 'visio'
        hint: did you mean 'vision'?
      """),
    Wording(
      .of(QuantizationError.otherPreparation(name: "vision.stem.2")), .badData,
      """
      error: pack and checkpoint cannot be compared
        'vision.stem.2': the pack says it was prepared there, the checkpoint has no such layer of this shape
        hint: the pack may come from another checkpoint
      """),
    Wording(
      .of(QuantizationError.model(.duplicateName("a"))), .badData,
      "error: the model does not fit together\n  the name 'a' stands twice"),
  ]

  private static let mean = StatisticRequest(value: "x", statistic: .channelMeans)

  static let calibration: [Wording] = [
    Wording(
      .of(CalibrationError.noImages(path: "d", ignored: [])), .inputMissing,
      """
      error: there are no pictures in 'd'
        expected: PNG, JPEG or WebP files; found: an empty folder
      """),
    Wording(
      .of(CalibrationError.noImages(path: "d", ignored: ["a.txt", "b"])), .inputMissing,
      """
      error: there are no pictures in 'd'
        expected: PNG, JPEG or WebP files; found: 2 other entries
        'a.txt'
        'b'
      """),
    Wording(
      .of(
        CalibrationError.unreadableImages(
          [
            UnreadableImage(
              name: "a.png", reason: .image(.empty(name: "a.png", width: 0, height: 0))),
            UnreadableImage(
              name: "b.png", reason: .bytes(.system(operation: .open, path: "b.png", code: 13))),
          ], of: 9)), .badData,
      """
      error: 2 of 9 pictures cannot be read
        'a.png': it has 0 × 0 pixels, at least 1 × 1 expected
        'b.png': the system says: permission denied
        hint: repair or remove them, or go on without them: --skip-unreadable
      """),
    Wording(
      .of(CalibrationError.unknownValue(mean)), .badData,
      "error: the model has no value 'x'\n  asked for: its channel means"),
    Wording(
      .of(CalibrationError.noTokenizer), .badData,
      """
      error: questions need a language model
        the checkpoint has no tokenizer or no prompt
      """),
    Wording(
      .of(CalibrationError.question(path: "q", line: 3, problem: .missingKey("image"))), .badData,
      "error: cannot read questions 'q'\n  line 3: 'image' is missing"),
    Wording(
      .of(CalibrationError.question(path: "q", line: 3, problem: .unknownKey("imag"))), .badData,
      "error: cannot read questions 'q'\n  line 3: unknown key 'imag'"),
    Wording(
      .of(
        CalibrationError.question(
          path: "q", line: 3, problem: .notText(key: "image", found: "number"))), .badData,
      "error: cannot read questions 'q'\n  line 3: 'image': expected text, found number"),
    Wording(
      .of(CalibrationError.question(path: "q", line: 3, problem: .imageNotFound("a.png"))),
      .badData, "error: cannot read questions 'q'\n  line 3: there is no picture 'a.png'"),
    Wording(
      .of(
        CalibrationError.question(path: "q", line: 3, problem: .notAnObject(found: "array"))),
      .badData, "error: cannot read questions 'q'\n  line 3: expected an object, found array"),
    Wording(
      .of(
        CalibrationError.question(
          path: "q", line: 3,
          problem: .json(.json(source: "q", offset: 4, problem: .trailingBytes)))), .badData,
      """
      error: cannot read questions 'q'
        line 3: at byte 4: not valid JSON, something follows the value
      """),
    Wording(
      .of(CalibrationError.notFinite(mean)), .badData,
      """
      error: a statistic is too large for a number in single precision
        channel means of 'x'
        hint: the weights are damaged, or a picture drives them out of range
      """),
    Wording(
      .of(CalibrationError.missingStatistic(mean)), .badData,
      """
      error: the calibration table does not fit the scheme
        it lacks the channel means of 'x'
        hint: calibrate this model again
      """),
    Wording(
      .of(CalibrationError.channelCount(mean, expected: 4, found: 5)), .badData,
      """
      error: the calibration table does not fit the model
        channel means of 'x': 4 channels expected, 5 found
        hint: calibrate this model again
      """),
    Wording(
      .of(CalibrationError.notATable(path: "t", firstBytes: [1])), .badData,
      """
      error: cannot read calibration table 't'
        expected: a file written by martlet calibrate; found: first bytes 01
      """),
    Wording(
      .of(CalibrationError.version(path: "t", found: 1, supported: 2)), .badData,
      """
      error: cannot read calibration table 't'
        format version 1, supported: 2
        hint: use a newer Martlet, or calibrate again
      """),
    Wording(
      .of(CalibrationError.checksum(path: "t", expected: 16, found: 17)), .badData,
      """
      error: cannot read calibration table 't'
        checksum 10 expected, 11 found
        hint: the file is damaged; calibrate again, or copy it again
      """),
    Wording(
      .of(CalibrationError.field(path: "t", offset: 8, what: "count", found: "9")), .badData,
      """
      error: cannot read calibration table 't'
        at byte 8: 9 is no possible count
        hint: the file is damaged; calibrate again, or copy it again
      """),
  ]

  static let verification: [Wording] = [
    Wording(
      .of(VerificationError.mismatch(what: "resolution", reference: 256, packed: 512)), .badData,
      """
      error: pack and checkpoint cannot be compared
        resolution: 256 in the checkpoint, 512 in the pack
        hint: the pack may come from another checkpoint
      """),
    Wording(
      .of(VerificationError.noAnswers), .usage,
      """
      error: the model answers no questions, so nothing can be seen at its logits
        expected: a language model with tokenizer and prompt
      """),
    Wording(
      .of(VerificationError.noPictures), .inputMissing,
      """
      error: there are no pictures to compare on
        hint: name some: --images DIR
      """),
    Wording(
      .of(VerificationError.image(.empty(name: "a", width: 0, height: 0))), .badData,
      "error: cannot read picture 'a'\n  it has 0 × 0 pixels, at least 1 × 1 expected"),
    Wording(
      .of(VerificationError.results(path: "r", line: 3, problem: .checksum)), .badData,
      """
      error: cannot use results file 'r'
        line 3: its bytes are not those that were written
        hint: make the file again: remove it and run its shard
      """),
    Wording(
      .of(VerificationError.results(path: "r", line: 1, problem: .noHeader)), .badData,
      """
      error: cannot use results file 'r'
        line 1: does not begin as results do
        hint: results are written by verify --output FILE
      """),
    Wording(
      .of(
        VerificationError.results(
          path: "r", line: 2, problem: .range(key: "question", found: 9, least: 0, most: 4))),
      .badData,
      """
      error: cannot use results file 'r'
        line 2: 'question' is 9, expected 0 to 4
        hint: make the file again: remove it and run its shard
      """),
    Wording(
      .of(
        VerificationError.otherEvaluation(
          path: "r", what: "--max-tokens", expected: "64", found: "8")), .badData,
      """
      error: results file 'r' is about another evaluation
        --max-tokens: expected 64, found 8
        hint: results belong together when pack, reference, questions and options are the same
      """),
    Wording(
      .of(VerificationError.busy(path: "r")), .inputOutput,
      """
      error: results file 'r' is being written by another process
        hint: give every shard a file of its own
      """),
    Wording(
      .of(VerificationError.overlap(picture: "p", path: "a", other: "b")), .badData,
      """
      error: results overlap
        picture 'p' stands in 'a' and in 'b'
        hint: give every shard's results once
      """),
    Wording(
      .of(VerificationError.missing(pictures: 8, of: 23, shards: [2, 5], shardCount: 6)), .badData,
      """
      error: results are not complete
        8 of 23 pictures are missing, from shards 2/6, 5/6
        hint: run these shards to their end: each goes on where it stopped
      """),
  ]

  @Test(arguments: reference) func wordsOfTheReference(_ wording: Wording) { wording.check() }
  @Test(arguments: quantization) func wordsOfQuantization(_ wording: Wording) { wording.check() }
  @Test(arguments: calibration) func wordsOfCalibration(_ wording: Wording) { wording.check() }
  @Test(arguments: verification) func wordsOfVerification(_ wording: Wording) { wording.check() }
}

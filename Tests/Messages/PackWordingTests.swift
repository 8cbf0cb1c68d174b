import MartletBoardMessages
import MartletPack
import Testing

/// The words of packs that are damaged or too new.
@Suite struct PackWordingTests {
  private static func damaged(_ error: PackError, _ evidence: String) -> Wording {
    Wording(
      .of(error, in: "m"), .badData,
      """
      error: cannot read pack 'm'
        \(evidence)
        hint: the file is damaged; copy it again from where it was made
      """)
  }

  private static func newer(_ error: PackError, _ evidence: String) -> Wording {
    Wording(
      .of(error, in: "m"), .badData,
      """
      error: cannot read pack 'm'
        \(evidence)
        hint: use a newer Martlet, or convert the model again
      """)
  }

  static let faults: [Wording] = [
    Wording(
      .of(.notAPack(found: [1, 2])), .badData,
      """
      error: cannot read the pack
        expected: a file written by martlet convert; found: first bytes 01 02
      """),
    Wording(
      .of(.notAPack(found: []), in: "m"), .badData,
      """
      error: cannot read pack 'm'
        expected: a file written by martlet convert; found: nothing
      """),
    Wording(
      .of(.file(.notAFile(path: "m")), in: "m"), .badData,
      """
      error: cannot read pack 'm'
        expected: a file written by martlet convert; found: a folder, a device or a pipe
        hint: a checkpoint is converted first: martlet convert CHECKPOINT -o NAME.martlet
      """),
    Wording(
      .of(.file(.system(operation: .open, path: "m", code: 2)), in: "m"), .inputMissing,
      "error: cannot open 'm'\n  the system says: no such file or directory"),
    newer(.version(found: 3, supported: 1), "format version 3, supported: 1"),
    newer(
      .unknownRecord(type: "WXYZ", version: 2, offset: 64),
      "record 'WXYZ' version 2 at byte 64 is not known"),
    newer(
      .unknownOp(layer: "a", code: 99, offset: 70), "layer 'a' at byte 70: op 99 is not known"),
    damaged(
      .fileSize(expected: 10, found: 9), "its header says 10 bytes, the file has 9"),
    damaged(
      .checksum(part: .directory, offset: 64, expected: 255, found: 16),
      "the directory at byte 64: checksum ff expected, 10 found"),
    damaged(
      .checksum(
        part: .frame(tensor: "w", component: .codes, index: 2), offset: 64, expected: 1, found: 2),
      "tensor 'w', codes, frame 2 at byte 64: checksum 1 expected, 2 found"),
    damaged(
      .padding(offset: 9, found: 7), "between two parts, at byte 9: 0 expected, 7 found"),
    damaged(
      .place(part: .record(type: "TOKS"), expected: 64, found: 72),
      "record 'TOKS': expected at byte 64, found at byte 72"),
    damaged(
      .beyondEnd(part: .tensor(name: "w", component: .scales), offset: 8, size: 9, end: 16),
      "tensor 'w', scales at byte 8: its 9 bytes reach beyond byte 16"),
    damaged(.missingRecord(type: "TOKS"), "record 'TOKS' is missing"),
    damaged(
      .repeatedRecord(type: "TOKS", offset: 64), "record 'TOKS' stands again at byte 64"),
    damaged(
      .truncatedRecord(part: .header, offset: 8, needed: 4, left: 1),
      "the header at byte 8: 4 bytes expected, 1 left"),
    damaged(
      .trailingBytes(part: .header, offset: 8, count: 4),
      "the header goes on for 4 bytes at byte 8"),
    damaged(
      .field(part: .header, offset: 8, what: "header size", found: "3"),
      "the header at byte 8: 3 is no possible header size"),
    damaged(
      .text(part: .header, offset: 8),
      "the header at byte 8: expected text in UTF-8, found other bytes"),
    damaged(
      .tensorMismatch(expected: "a", found: "b", offset: 8),
      "at byte 8: tensor 'a' expected, 'b' found"),
    damaged(.tensorCount(expected: 3, found: 2), "3 tensors expected, 2 found"),
    damaged(
      .componentSize(tensor: "w", component: .offsets, expected: 4, found: 8),
      "tensor 'w', offsets: 4 bytes expected, 8 found"),
    damaged(
      .expansion(tensor: "w", component: .codes, stored: 1, unpacked: 9000),
      "tensor 'w', codes: 1 bytes would unpack to 9000"),
    damaged(
      .frame(part: .header, offset: 8, reason: .notOneFrame),
      "the header at byte 8: expected exactly one zstd frame"),
    damaged(
      .frame(part: .header, offset: 8, reason: .contentSize(expected: 4, found: 5)),
      "the header at byte 8: 4 bytes expected after unpacking, 5 stated"),
    damaged(
      .frame(part: .header, offset: 8, reason: .contentSize(expected: 4, found: nil)),
      "the header at byte 8: 4 bytes expected after unpacking, no size stated"),
    damaged(
      .frame(part: .header, offset: 8, reason: .zstd(code: 20)),
      "the header at byte 8: zstd gives up with error 20"),
    Wording(
      .of(.model(.duplicateName("a")), in: "m"), .badData,
      """
      error: cannot read pack 'm'
        the model does not fit together
        the name 'a' stands twice
      """),
    Wording(
      .of(.noTensor(name: "w"), in: "m"), .badData,
      "error: cannot read pack 'm'\n  it has no tensor 'w'"),
    Wording(
      .of(.memory(byteCount: 1000), in: "m"), .inputOutput,
      """
      error: no memory for the model's weights
        1000 bytes were refused
        hint: convert with --raw: the weights are then mapped from the file
      """),
    Wording(
      .of(.notRepresentable(what: "token count", found: "9")), .badData,
      "error: the model cannot be packed\n  token count: found 9"),
  ]

  @Test(arguments: faults) func wordsOfPacks(_ wording: Wording) { wording.check() }
}

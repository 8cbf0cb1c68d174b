import MartletBytes
import MartletTestSupport
import Testing

/// Pictures that cannot be used, one by one and among many.
@Suite struct PictureTests {
  static let bad: [(name: String, bytes: [UInt8], evidence: String)] = [
    (
      "corrupt.png", flipped(),
      "PNG: "
    ),
    (
      "cut.png", Array(wide.prefix(9000)),
      "PNG: "
    ),
    (
      "empty.png", DrawnPNG.bytes(width: 0, height: 0),
      "it has 0 × 0 pixels, at least 1 × 1 expected"
    ),
    (
      "huge.png", DrawnPNG.bytes(width: 60000, height: 60000),
      "it has 60000 × 60000 pixels, at most "
    ),
    (
      "text.png", Array("not a picture".utf8),
      "expected: PNG, JPEG or WebP; found: first bytes 6e 6f "
    ),
    ("nothing.png", [], "expected: PNG, JPEG or WebP; found: nothing"),
  ]

  private static let wide: [UInt8] = {
    do { return try SmallFile.bytes(of: Tiny.wide) } catch { preconditionFailure("\(error)") }
  }()

  /// One byte of the compressed rows changed.
  private static func flipped() -> [UInt8] {
    var bytes = wide
    bytes[bytes.count / 2] ^= 0x40
    return bytes
  }

  @Test(arguments: bad)
  func badPicturesAreRefusedByName(name: String, bytes: [UInt8], evidence: String) throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write(bytes, to: name)
    let target = directory.path("x.safetensors")
    for outcome in [
      try Program.martlet.run("run", Tiny.pack, "--image", path, "--prompt", "x", "--json"),
      try Program.board.run(Tiny.pack, "--image", path, "--prompt", "x", "--json"),
      try Program.martlet.run("trace", Tiny.llava, "--image", path, "--prompt", "x", "-o", target),
    ] {
      #expect(outcome.code == 65)
      #expect(outcome.headline == "error: cannot read picture '\(path)'")
      #expect(outcome.report.contains("\n  " + evidence), "\(outcome.report)")
      #expect(outcome.output == "")
    }
    #expect(try directory.names() == [name])
  }

  @Test func aPictureThatIsNotThereIsMissingInput() throws {
    for outcome in [
      try Program.martlet.run("run", Tiny.pack, "--image", "/nowhere.png", "--prompt", "x"),
      try Program.board.run(Tiny.pack, "--image", "/nowhere.png", "--prompt", "x"),
    ] {
      #expect(outcome.code == 66)
      #expect(outcome.headline == "error: cannot open '/nowhere.png'")
    }
  }

  @Test(arguments: ["convert", "calibrate"])
  func anEmptyFolderIsMissingInput(command: String) throws {
    let directory = try TemporaryDirectory()
    try Directory.make(directory.path("pictures"))
    let option = command == "convert" ? "--calibration" : "--images"
    let outcome = try Program.martlet.run(
      command, Tiny.llava, option, directory.path("pictures"), "-o", directory.path("x"))
    #expect(outcome.code == 66)
    #expect(
      outcome.headline == "error: there are no pictures in '\(directory.path("pictures"))'")
    #expect(try directory.names() == ["pictures"])
  }

  @Test func oneUnreadablePictureAmongManyFailsUnlessToldToSkip() throws {
    let directory = try TemporaryDirectory()
    let folder = directory.path("pictures")
    for name in ["wide.png", "tall.png", "gray.png"] {
      try directory.write(try SmallFile.bytes(of: Tiny.path(name)), to: "pictures/\(name)")
    }
    try directory.write(Self.flipped(), to: "pictures/broken.png")
    let words = ["calibrate", Tiny.llava, "--images", folder, "-o", directory.path("x.mcal")]
    let refused = try Program.martlet.run(words)
    #expect(refused.code == 65)
    #expect(refused.headline == "error: 1 of 4 pictures cannot be read")
    #expect(refused.report.contains("broken.png"))
    #expect(refused.report.contains("--skip-unreadable"))
    #expect(try directory.names() == ["pictures"])

    let skipped = try Program.martlet.run(words + ["--skip-unreadable", "--quiet"])
    #expect(skipped.code == 0, "\(skipped.error)")
    #expect(skipped.error.contains("broken.png"))
    #expect(skipped.error.contains("1 of 4 pictures were skipped"))
    #expect(try directory.names() == ["pictures", "x.mcal"])

    // The table quantizes again without the pictures.
    let byTable = try Program.martlet.run(
      "convert", Tiny.llava, "--calibration", directory.path("x.mcal"), "-o",
      directory.path("x.martlet"), "--activations", "calibrated", "--quiet")
    #expect(byTable.code == 0, "\(byTable.error)")
    let asked = try Program.board.run(
      directory.path("x.martlet"), "--image", Tiny.wide, "--prompt", "x", "--max-tokens", "2",
      "--json")
    #expect(asked.code == 0)
    // A damaged table is refused.
    var bytes = try SmallFile.bytes(of: directory.path("x.mcal"))
    bytes[bytes.count / 2] ^= 1
    try directory.write(bytes, to: "bad.mcal")
    let damaged = try Program.martlet.run(
      "convert", Tiny.llava, "--calibration", directory.path("bad.mcal"), "-o",
      directory.path("y.martlet"))
    #expect(damaged.code == 65)
    #expect(
      damaged.headline == "error: cannot read calibration table '\(directory.path("bad.mcal"))'")
  }
}

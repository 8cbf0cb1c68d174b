import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletTestSupport
import Testing

/// Files beside sound weights, changed at random: the result is a model or an error of ours, never a crash.
@Suite struct DamagedConfigurationTests {
  @Test(arguments: [
    (TinyFixture.llava, "config.json"), (.native, "config.json"),
    (.native, "preprocessor_config.json"), (.llava, "generation_config.json"),
  ])
  func damageIsAnErrorOrAModel(_ fixture: TinyFixture, _ file: String) throws {
    let whole = try SmallFile.bytes(of: Directory.path(fixture.path, file))
    let directory = try TemporaryDirectory()
    _ = try EditedCheckpoint(fixture).open(in: directory)
    var (models, errors) = (0, 0)
    let damage =
      Array(Corruption.lies(of: whole, count: 60, seed: 41))
      + Array(Corruption.flips(of: whole, count: 30, seed: 42))
    for copy in damage {
      try directory.write(copy.bytes, to: file)
      do {
        let (model, _) = try SourceModel.read(Checkpoint.open(directory.path))
        _ = try model.folded()
        models += 1
      } catch is ConversionError {
        errors += 1
      } catch is CheckpointError {
        errors += 1
      }
    }
    // Either way happens: an outcome that never comes would mean that the damage missed.
    #expect(models > 0 && errors > 0 && models + errors == damage.count)
  }
}

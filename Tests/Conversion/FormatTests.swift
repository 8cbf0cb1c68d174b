import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletTestSupport
import Testing

/// The tiny model as other writers store it (`Tools/oracle/make_format_fixtures.py`), beside the safetensors it was made from.
struct FormatFixture: Sendable, CustomTestStringConvertible {
  let name: String
  let original: TinyFixture
  let format: CheckpointFormat
  var testDescription: String { name }

  static let folder = Directory.path(
    Directory.parent(of: Directory.parent(of: TinyFixture.llava.path)), "formats")
  var path: String { Directory.path(Self.folder, name) }

  static let all = [
    FormatFixture(name: "torch", original: .llavaTrain, format: .torch)
  ]
}

@Suite struct FormatTests {
  @Test(arguments: FormatFixture.all) func everyFormatGivesTheSameModel(
    _ fixture: FormatFixture
  ) throws {
    let checkpoint = try Checkpoint.open(fixture.path)
    #expect(checkpoint.format == fixture.format)
    let found = try SourceModel.read(checkpoint)
    let expected = try SourceModel.read(fixture.original.open())
    #expect(found.model.description == expected.model.description)
    #expect(found.report.forms == expected.report.forms)
    for network in expected.model.description.networks {
      for parameter in network.parameters {
        let values = try found.model.parameters.values(of: parameter.name)
        #expect(
          values == (try expected.model.parameters.values(of: parameter.name)), "\(parameter.name)")
      }
    }
  }
}

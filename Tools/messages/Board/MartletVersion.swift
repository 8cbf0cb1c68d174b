/// What `--version` prints after the tool's name, and packs record.
package enum MartletVersion {
  package static let number = "0.1.0"
  package static let text = "martlet " + number
}

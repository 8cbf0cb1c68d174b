import MartletBytes
import MartletCheckpoints
import MartletConversion
import MartletModel
import MartletPack

/// What a path on the command line holds.
enum ModelPath {
  case checkpoint(Checkpoint)
  case pack(Pack)

  /// Looks at the content, never at the name: a directory is a checkpoint, a file that begins as a pack does is one.
  static func open(_ path: String) throws -> ModelPath {
    if case .file = try PathKind(of: path), try Pack.isPack(path: path) {
      return .pack(try naming(pack: path) { try Pack(path: path) })
    }
    return .checkpoint(try Checkpoint.open(path))
  }
}

/// A pack opened for a command that needs one.
func openPack(_ path: String) throws -> Pack {
  guard case .pack(let pack) = try ModelPath.open(path) else {
    throw CommandError(
      .badData, "'\(path)' is not a pack", ["expected: a file written by martlet convert"],
      hint: "convert the checkpoint first: martlet convert \(path) -o model.martlet")
  }
  return pack
}

// Feeds every reader of files from strangers, guided by coverage. Built and run by Tools/fuzz, by nothing else.
//
// In:      inputs of libFuzzer; the reader's name in MARTLET_FUZZ_READER; the fixtures, from the repository's root.
// Out:     nothing. An error that a reader throws is an answer.
// Refuses: crashes, what AddressSanitizer sees, more than a second of processor time for an input, an allocation beyond
//          twice the input and a constant (`Reader.limit`), and whatever a reader's own check here calls wrong.

import CFuzzGuard
import Glibc

/// The reader of this process.
private let reader: Reader = {
  let name = getenv("MARTLET_FUZZ_READER").map { String(cString: $0) } ?? ""
  guard let reader = Reader(rawValue: name) else {
    let names = Reader.allCases.map(\.rawValue).joined(separator: " ")
    print("martlet-fuzz: MARTLET_FUZZ_READER is '\(name)', expected one of: \(names)")
    exit(64)
  }
  return reader
}()

@_cdecl("LLVMFuzzerInitialize")
public func initialize(
  _ argumentCount: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutableRawPointer
) -> Int32 {
  martlet_fuzz_install()
  reader.prepare()
  return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func run(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  let input = [UInt8](UnsafeBufferPointer(start: bytes, count: count))
  reader.read(input)
  if let sealed = reader.sealed(input), sealed != input { reader.read(sealed) }
  return 0
}

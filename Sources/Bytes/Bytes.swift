// MartletBytes: everything between a file and a typed value.
//
// In: files, mapped read-only (`MappedFile`) or small and copied (`SmallFile`); JSON text.
// Out: files that appear whole or not at all (`AtomicFile`); JSON text (`JSONValue.text`).
// Between: bounds-checked little-endian reading and writing (`ByteReader`, `ByteWriter`), checksums
// (`XXH64`, `SHA256`), widening of half-precision floats, and the platform itself: the thread pool,
// the clock, the machine.
//
// Refused: directories and devices where a file is expected, reading past an end, numbers that
// overflow, JSON that is not strictly JSON. Each refusal is a `BytesError` with the offset.
//
// A mapped file that another process cuts short while it is being read ends this process (SIGBUS),
// as with every reader that maps: checkpoints and packs are replaced by renaming, never rewritten.

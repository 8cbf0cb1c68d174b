// MartletTestSupport: what the suites of several modules share. Seeded numbers (`SeededGenerator`), damaged
// copies of bytes (`Corruption`), places on disk that vanish (`TemporaryDirectory`), a lid on memory
// (`MemoryLid`).

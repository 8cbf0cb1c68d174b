// MartletCheckpoints: trained weights as they lie on disk.
//
// In: a checkpoint directory, or one file of weights. Out: a `Checkpoint`, which knows every tensor's
// element type, shape and place in a mapped file, and decodes none before it is asked to; the model's
// `config.json` and the other files beside the weights; the content hashes for provenance. And the
// other way: `SafetensorsWriter`.
//
// Refused: whatever breaks the rules of `Formats/checkpoints.md`, each with its own `CheckpointError`.
// Every size from a file is checked for overflow and against the bytes present before it is used.
//
// What a tensor means (architecture, layout, names) is not known here: that is Conversion's.

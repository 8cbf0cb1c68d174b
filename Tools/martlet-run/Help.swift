/// What `--help` prints, and the names it tells.
enum Help {
  static let options = [
    "--image", "--prompt", "--max-tokens", "--temperature", "--seed", "--json", "--isa",
    "--threads", "--cores", "--max-memory", "--kv-cache", "--self-test", "--deadline-ms",
    "--help", "--version",
  ]

  static let text = """
    Answers a question about pictures with a packed model.

    usage: martlet-run PACK --image FILE --prompt TEXT [options]
           martlet-run PACK --self-test [--json] [--isa NAME] [--threads N] [--cores LIST]

      PACK               a file written by martlet convert
      --image FILE       a picture (PNG, JPEG, WebP); may be repeated, order is kept
      --prompt TEXT      the question; <image> in it says where a picture goes
      --max-tokens N     most tokens to generate (256)
      --temperature T    0 takes the likeliest token, above it tokens are drawn (0)
      --seed N           seed of drawing (0)
      --json             one JSON object with text, ids and timings instead of the streamed text
      --isa NAME         instruction set instead of the best: an error where the machine lacks it
      --kv-cache KIND    how keys and values are kept: f32, f16 at half the memory, int8 at a quarter (f32)
      --deadline-ms X    milliseconds to the first token: takes the largest size of picture in the pack that stays
                         below, found out by trying
      --self-test        checks every byte of the pack, and that its golden pictures become the same pixels, ids,
                         values, logits and text as when it was made
      --threads N        threads to use (the physical cores)
      --cores LIST       processors to run on, such as 0-3,6 (all; the fast ones of a board with big and little cores)
      --max-memory SIZE  most memory to hold, such as 400M, weights included; refused where it is too little
      --help, --version

    exit codes: 0 done, 1 the self-test failed, 64 usage, 65 bad data, 66 input missing, 70 a bug in Martlet, 74 I/O

    """
}

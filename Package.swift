// swift-tools-version: 6.2
// The floors of the house, drawn as targets: arrows only point down this page.

import PackageDescription

/// Every Swift target: strict memory safety, with its warnings as errors.
let safe: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatWarning("StrictMemorySafety", as: .error),
  .enableExperimentalFeature("Lifetimes"),
]

/// Modules that also run on a board: they must compile as Embedded Swift.
let board: [SwiftSetting] =
  safe + [
    .treatWarning("EmbeddedRestrictions", as: .error)
  ]

/// Swift modules that import neither Glibc nor Foundation must name libm themselves.
let libm: [LinkerSetting] = [.linkedLibrary("m", .when(platforms: [.linux]))]

/// Tests read `package` names, never `@testable`, so every suite also runs in a release build.
let tests: [SwiftSetting] = [.enableExperimentalFeature("Lifetimes")]

let package = Package(
  name: "martlet",
  products: [
    .executable(name: "martlet", targets: ["martlet"]),
    .executable(name: "martlet-run", targets: ["martlet-run"]),
    .executable(name: "martlet-selftest", targets: ["martlet-selftest"]),
    .library(name: "martlet-library", type: .dynamic, targets: ["MartletLibrary"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    // MARK: Libraries of the system
    .systemLibrary(
      name: "COpenBLAS", path: "Sources/CLibraries/COpenBLAS", pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CHDF5", path: "Sources/CLibraries/CHDF5", pkgConfig: "hdf5",
      providers: [.apt(["libhdf5-dev"])]),
    .systemLibrary(
      name: "CZstd", path: "Sources/CLibraries/CZstd", pkgConfig: "libzstd",
      providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
      name: "CPNG", path: "Sources/CLibraries/CPNG", pkgConfig: "libpng",
      providers: [.apt(["libpng-dev"])]),
    .systemLibrary(
      name: "CTurboJPEG", path: "Sources/CLibraries/CTurboJPEG", pkgConfig: "libturbojpeg",
      providers: [.apt(["libturbojpeg0-dev"])]),
    .systemLibrary(
      name: "CWebP", path: "Sources/CLibraries/CWebP", pkgConfig: "libwebp",
      providers: [.apt(["libwebp-dev"])]),

    // MARK: Floor 0: C, the tile kernels, the few platform calls, a fence around libpng
    .target(name: "CMartletKernels", path: "Sources/CMartletKernels", linkerSettings: libm),
    .target(name: "CMartletPlatform", path: "Sources/CMartletPlatform", linkerSettings: libm),
    .target(name: "CMartletCodecs", dependencies: ["CPNG"], path: "Sources/CMartletCodecs"),

    // MARK: Floor 1: what files, models, pictures and words are
    .target(
      name: "MartletBytes", dependencies: ["CMartletPlatform"], path: "Sources/Bytes",
      swiftSettings: board),
    .target(
      name: "MartletModel", path: "Sources/Model", swiftSettings: board, linkerSettings: libm),
    .target(
      name: "MartletImages",
      dependencies: ["MartletBytes", "MartletModel", "CMartletCodecs", "CTurboJPEG", "CWebP"],
      path: "Sources/Images", swiftSettings: board, linkerSettings: libm),
    .target(
      name: "MartletText", dependencies: ["MartletBytes", "MartletModel"], path: "Sources/Text",
      swiftSettings: board),

    // MARK: Floor 2: formats and the two executors
    .target(
      name: "MartletCheckpoints", dependencies: ["MartletBytes", "CHDF5"],
      path: "Formats/Checkpoints", swiftSettings: safe),
    .target(
      name: "MartletPack",
      dependencies: ["MartletBytes", "MartletModel", "CMartletPlatform", "CZstd"],
      path: "Formats/Pack", swiftSettings: board),
    .target(
      name: "MartletReference", dependencies: ["MartletModel", "CMartletPlatform", "COpenBLAS"],
      path: "Sources/Reference", swiftSettings: safe, linkerSettings: libm),
    .target(
      name: "MartletRuntime",
      dependencies: [
        "MartletBytes", "MartletModel", "MartletPack", "MartletText", "CMartletKernels",
        "CMartletPlatform",
      ],
      path: "Sources/Runtime", swiftSettings: board, linkerSettings: libm),

    // MARK: Floor 3: a pack checked by itself, on a board as well
    .target(
      name: "MartletProof",
      dependencies: [
        "MartletBytes", "MartletModel", "MartletImages", "MartletText", "MartletPack",
        "MartletRuntime",
      ],
      path: "Sources/Proof", swiftSettings: board),

    // MARK: Floor 3: the flow from checkpoint to proof, and random models to try it on
    .target(
      name: "MartletSynthesis",
      dependencies: ["MartletBytes", "MartletCheckpoints", "MartletModel", "MartletText"],
      path: "Sources/Synthesis", swiftSettings: safe),
    .target(
      name: "MartletConversion",
      dependencies: ["MartletBytes", "MartletCheckpoints", "MartletModel", "MartletText"],
      path: "Sources/Conversion", swiftSettings: safe),
    .target(
      name: "MartletCalibration",
      dependencies: [
        "MartletReference", "MartletImages", "MartletText", "MartletModel", "MartletBytes",
      ],
      path: "Calibration/Statistics", swiftSettings: safe),
    .target(
      name: "MartletQuantization",
      dependencies: [
        "MartletCalibration", "MartletReference", "MartletModel", "MartletBytes", "COpenBLAS",
      ],
      path: "Sources/Quantization", swiftSettings: safe),
    .target(
      name: "MartletVerification",
      dependencies: [
        "MartletProof", "MartletReference", "MartletRuntime", "MartletPack", "MartletImages",
        "MartletText", "MartletModel", "MartletBytes",
      ],
      path: "Sources/Verification", swiftSettings: safe),

    .target(
      name: "MartletServing", dependencies: ["MartletText", "MartletModel", "MartletBytes"],
      path: "Sources/Serving", swiftSettings: safe),
    .target(
      name: "MartletExport",
      dependencies: [
        "MartletCheckpoints", "MartletPack", "MartletText", "MartletModel", "MartletBytes",
      ],
      path: "Sources/Export", swiftSettings: safe),

    // MARK: Floor 4: the command lines, and the words of errors: those of a board apart
    .target(
      name: "MartletBoardMessages",
      dependencies: [
        "MartletBytes", "MartletModel", "MartletImages", "MartletText", "MartletPack",
        "MartletRuntime", "MartletProof", "CMartletPlatform",
      ],
      path: "Tools/messages/Board", swiftSettings: board),
    .target(
      name: "MartletMessages",
      dependencies: [
        "MartletBoardMessages", "MartletBytes", "MartletModel", "MartletImages", "MartletText",
        "MartletPack", "MartletRuntime", "MartletCheckpoints", "MartletReference",
        "MartletConversion", "MartletCalibration", "MartletQuantization", "MartletVerification",
        "MartletSynthesis", "MartletExport", "MartletProof", "MartletServing",
      ],
      path: "Tools/messages/Workstation", swiftSettings: safe),
    .executableTarget(
      name: "martlet",
      dependencies: [
        "MartletBytes", "MartletModel", "MartletImages", "MartletText", "MartletCheckpoints",
        "MartletPack", "MartletReference", "MartletRuntime", "MartletConversion",
        "MartletCalibration", "MartletQuantization", "MartletVerification", "MartletSynthesis",
        "MartletExport", "MartletProof", "MartletServing", "MartletBoardMessages",
        "MartletMessages", "CMartletPlatform", "CTurboJPEG",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      path: "Tools/martlet", swiftSettings: safe),
    .executableTarget(
      name: "martlet-run",
      dependencies: [
        "MartletBytes", "MartletModel", "MartletPack", "MartletRuntime", "MartletImages",
        "MartletText", "MartletProof", "MartletBoardMessages", "CMartletPlatform",
      ],
      path: "Tools/martlet-run", swiftSettings: board, linkerSettings: libm),
    // MARK: Floor 4: the C interface, libmartlet
    .target(name: "CMartletLibrary", path: "Sources/CMartletLibrary"),
    .target(
      name: "MartletLibrary",
      dependencies: [
        "CMartletLibrary", "MartletBytes", "MartletModel", "MartletPack", "MartletRuntime",
        "MartletImages", "MartletText", "MartletBoardMessages",
      ],
      path: "Sources/Library", swiftSettings: board, linkerSettings: libm),

    // MARK: Tests: one folder per module
    .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
    // Kernels with a planted fault, to see whether the proof in a pack finds it.
    .target(
      name: "CFaultyKernels", dependencies: ["CMartletKernels"], path: "Tests/FaultyKernels",
      linkerSettings: libm),
    .target(
      name: "MartletTestSupport", dependencies: ["MartletModel", "MartletBytes"],
      path: "Tests/Support", swiftSettings: safe),
    // The AVX-512 kernels a second time, over SIMDe, so that machines without AVX-512 test them too; likewise AVX-VNNI.
    .target(
      name: "KernelsSimulated", dependencies: ["CMartletKernels"], path: "Tests/KernelsSimulated",
      linkerSettings: libm),
    // Times the kernels against the machine's peak: swift run -c release kernels-bench
    .executableTarget(
      name: "kernels-bench", dependencies: ["CMartletKernels"], path: "Tests/KernelsBench"),
    // The calls by which tables of kernels are compared, for the tests and the self-test.
    .target(
      name: "MartletKernelTrials", dependencies: ["CMartletKernels", "MartletTestSupport"],
      path: "Tests/KernelTrials", swiftSettings: tests),
    .executableTarget(
      name: "martlet-selftest",
      dependencies: [
        "MartletBytes", "MartletModel", "MartletPack", "MartletRuntime", "MartletBoardMessages",
        "MartletKernelTrials", "MartletTestSupport", "CMartletKernels", "CMartletPlatform",
      ],
      path: "Tools/martlet-selftest", swiftSettings: board, linkerSettings: libm),
    .testTarget(
      name: "KernelsTests",
      dependencies: [
        "CMartletKernels", "KernelsSimulated", "MartletKernelTrials", "MartletTestSupport",
      ],
      path: "Tests/Kernels", swiftSettings: tests),
    .testTarget(
      name: "PlatformTests",
      dependencies: ["CMartletPlatform", "MartletTestSupport"],
      path: "Tests/Platform", swiftSettings: tests),
    .testTarget(
      name: "BytesTests",
      dependencies: ["MartletBytes", "MartletTestSupport"],
      path: "Tests/Bytes", swiftSettings: tests),
    .testTarget(
      name: "ModelTests",
      dependencies: ["MartletModel", "MartletTestSupport"],
      path: "Tests/Model", swiftSettings: tests),
    .testTarget(
      name: "ImagesTests",
      dependencies: ["MartletImages", "MartletModel", "MartletBytes", "MartletTestSupport"],
      path: "Tests/Images", swiftSettings: tests),
    .testTarget(
      name: "TextTests",
      dependencies: ["MartletText", "MartletModel", "MartletBytes", "MartletTestSupport"],
      path: "Tests/Text", swiftSettings: tests),
    .testTarget(
      name: "CheckpointsTests",
      dependencies: ["MartletCheckpoints", "MartletBytes", "MartletTestSupport"],
      path: "Tests/Checkpoints", swiftSettings: tests),
    .testTarget(
      name: "PackTests",
      dependencies: ["MartletPack", "MartletModel", "MartletBytes", "MartletTestSupport"],
      path: "Tests/Pack", swiftSettings: tests),
    .testTarget(
      name: "ReferenceTests",
      dependencies: ["MartletReference", "MartletModel", "MartletTestSupport"],
      path: "Tests/Reference", swiftSettings: tests),
    .testTarget(
      name: "RuntimeTests",
      dependencies: [
        "CAllocationCounter",
        "MartletRuntime", "MartletPack", "MartletModel", "MartletReference", "MartletQuantization",
        "MartletBytes", "MartletTestSupport",
      ],
      path: "Tests/Runtime", swiftSettings: tests),
    .testTarget(
      name: "ConversionTests",
      dependencies: [
        "MartletConversion", "MartletCheckpoints", "MartletModel", "MartletReference",
        "MartletImages", "MartletText", "MartletBytes", "MartletTestSupport",
      ],
      path: "Tests/Conversion", swiftSettings: tests),
    .testTarget(
      name: "SynthesisTests",
      dependencies: [
        "MartletSynthesis", "MartletConversion", "MartletCheckpoints", "MartletModel",
        "MartletReference", "MartletText", "MartletBytes", "MartletTestSupport",
      ],
      path: "Tests/Synthesis", swiftSettings: tests),
    .testTarget(
      name: "CalibrationTests",
      dependencies: [
        "MartletCalibration", "MartletReference", "MartletModel", "MartletImages", "MartletText",
        "MartletBytes", "MartletTestSupport",
      ],
      path: "Tests/Calibration", swiftSettings: tests),
    .testTarget(
      name: "QuantizationTests",
      dependencies: [
        "MartletQuantization", "MartletCalibration", "MartletModel", "MartletReference",
        "MartletBytes", "MartletTestSupport",
      ],
      path: "Tests/Quantization", swiftSettings: tests),
    .testTarget(
      name: "VerificationTests",
      dependencies: [
        "MartletVerification", "MartletModel", "MartletPack", "MartletRuntime", "MartletReference",
        "MartletBytes", "MartletTestSupport",
      ],
      path: "Tests/Verification", swiftSettings: tests),
    .testTarget(
      name: "ServingTests",
      dependencies: ["MartletServing", "MartletText", "MartletModel", "MartletTestSupport"],
      path: "Tests/Serving", swiftSettings: tests),
    .testTarget(
      name: "ExportTests",
      dependencies: [
        "MartletExport", "MartletConversion", "MartletQuantization", "MartletPack",
        "MartletCheckpoints", "MartletModel", "MartletText", "MartletBytes", "MartletTestSupport",
      ],
      path: "Tests/Export", swiftSettings: tests),
    .testTarget(
      name: "MessagesTests",
      dependencies: [
        "MartletBoardMessages", "MartletMessages", "MartletBytes", "MartletModel", "MartletImages",
        "MartletText", "MartletPack", "MartletRuntime", "MartletCheckpoints", "MartletConversion",
        "MartletReference", "MartletCalibration", "MartletQuantization", "MartletVerification",
        "MartletSynthesis", "MartletExport", "MartletProof", "MartletServing",
      ],
      path: "Tests/Messages", swiftSettings: tests),
    .testTarget(
      name: "CommandsTests",
      dependencies: [
        "martlet", "martlet-run", "CFaultyKernels", "MartletProof", "MartletRuntime", "MartletPack",
        "MartletImages", "MartletModel", "MartletCheckpoints", "MartletBytes",
        "MartletTestSupport",
      ],
      path: "Tests/Commands", swiftSettings: tests),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)

// Coverage-guided fuzzing: with sanitizers, by Tools/fuzz. No other build sees these targets.
if Context.environment["MARTLET_FUZZ"] != nil {
  package.targets += [
    .target(name: "CFuzzGuard", path: "Tests/FuzzGuard"),
    .executableTarget(
      name: "martlet-fuzz",
      dependencies: [
        "CFuzzGuard", "MartletBytes", "MartletModel", "MartletImages", "MartletText",
        "MartletCheckpoints", "MartletPack", "MartletConversion", "MartletCalibration",
        "MartletVerification", "MartletExport", "MartletServing",
      ],
      // libFuzzer brings the program's entry.
      path: "Tests/Fuzz", swiftSettings: tests + [.unsafeFlags(["-parse-as-library"])]),
  ]
}

import MartletBoardMessages
import MartletBytes
import MartletModel
import MartletPack
import MartletRuntime

/// A whole model, run from a drawn picture to a few tokens.
struct ModelCheck {
  let model: LoadedModel

  /// What every machine makes of the model below, whatever its instruction set.
  static let madeDigest: UInt64 = 0x22ea_aa71_1f2c_d6ac

  /// The model made in memory.
  static func made() throws(ErrorReport) -> ModelCheck {
    let made: MadeModel
    do throws(ModelError) { made = try MadeModel() } catch { throw .of(error) }
    var tables: [NetworkRole: WeightTable] = [:]
    for network in made.description.networks {
      do throws(RuntimeError) {
        tables[network.role] = try WeightTable(made.parameters[network.role] ?? [])
      } catch { throw .of(error) }
    }
    return ModelCheck(
      model: LoadedModel(description: made.description, plan: made.plan, weights: tables))
  }

  /// The model of a pack, its weights checked.
  static func packed(_ path: String, pool: ThreadPool) throws(ErrorReport) -> ModelCheck {
    let pack: Pack
    do throws(PackError) { pack = try Pack(path: path) } catch { throw .of(error, in: path) }
    do throws(RuntimeError) {
      return ModelCheck(model: try LoadedModel(pack, pool: pool))
    } catch { throw .of(error, in: path) }
  }

  /// One number for the bits of all image rows, of the logits of the prompt and of the tokens after it.
  ///
  /// - Parameter tokens: how many are generated; image encoders have none.
  func digest(_ options: RunOptions, pool: ThreadPool, tokens: Int) throws(ErrorReport) -> UInt64 {
    var bytes: [UInt8] = []
    var isFinite = true
    do throws(RuntimeError) {
      let vision = try VisionSession(model: model, options: options, pool: pool)
      let picture = MadeModel.picture(side: vision.resolution)
      let rows = try vision.encode(picture).imageTokens
      for value in rows {
        append(value, to: &bytes)
        isFinite = isFinite && value.isFinite
      }
      if model.description.network(.language) != nil {
        var ids = [1, 2]
        for _ in 0..<vision.tokens { ids.append(-1) }
        ids.append(3)
        let language = try LanguageSession(
          model: model, capacity: ids.count + tokens, options: options, pool: pool)
        try language.append(ids, imageRows: rows)
        language.withLogits { logits in
          for index in logits.indices {
            append(logits[index], to: &bytes)
            isFinite = isFinite && logits[index].isFinite
          }
        }
        var sampler = Sampler(temperature: 0, seed: 0)
        for _ in 0..<tokens {
          let id = language.next(&sampler)
          append(Float(id), to: &bytes)
          try language.advance(id)
        }
      }
    } catch { throw .of(error) }
    // Numbers that are none would all be equal.
    if !isFinite { throw ErrorReport(.badData, "the model's results are not finite") }
    return XXH64.checksum(bytes)
  }
}

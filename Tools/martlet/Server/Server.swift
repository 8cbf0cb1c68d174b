import Foundation
import MartletBoardMessages
import MartletBytes
import NIOCore
import NIOHTTP1
import NIOPosix

/// The listening socket and what stands behind each connection.
struct Server {
  let service: ChatService
  /// Takes a line for each response.
  let log: @Sendable (String) -> Void

  /// Listens until the process is told to stop (SIGINT, SIGTERM): then no connection is taken any more, the answer
  /// that is being made is finished, and what waits is turned away.
  ///
  /// - Parameter ready: called with the port once connections are taken.
  /// - Throws: `CommandError` where the address cannot be listened on.
  func run(ready: (Int) -> Void) throws {
    let options = service.options
    // Kernels use the cores; one thread moves bytes.
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    defer { try? group.syncShutdownGracefully() }
    let service = service
    let log = log
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 64)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard service.metrics.connect(limit: options.connectionLimit) else {
            throw TooManyConnections()
          }
          channel.closeFuture.whenComplete { _ in service.metrics.disconnect() }
          let pipeline = channel.pipeline.syncOperations
          try pipeline.configureHTTPServerPipeline(
            withPipeliningAssistance: false, withErrorHandling: true)
          try pipeline.addHandler(ConnectionHandler(service, log: log))
        }
      }
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    let channel: any Channel
    do {
      channel = try bootstrap.bind(host: options.host, port: options.port).wait()
    } catch {
      throw CommandError(
        .inputOutput, "cannot listen on \(options.host):\(options.port)", ["\(error)"],
        hint: "another program may hold the port; --port 0 takes a free one")
    }
    try service.engine.start()
    ready(channel.localAddress?.port ?? options.port)
    let stopping = DispatchSemaphore(value: 0)
    let sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { stopping.signal() }
      source.resume()
      return source
    }
    stopping.wait()
    withExtendedLifetime(sources) {}
    try? channel.close().wait()
    service.engine.stop()
    service.engine.waitUntilStopped()
    // The last bytes have been handed to the loop; the shutdown behind `defer` closes what is still open.
    Thread.sleep(forTimeInterval: 0.2)
  }

  /// The connection is closed at once.
  private struct TooManyConnections: Error {}
}

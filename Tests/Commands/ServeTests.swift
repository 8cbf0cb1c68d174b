import Foundation
import Glibc
import MartletBytes
import MartletTestSupport
import Testing

/// The server as a client meets it. Tools/serving has the trials that take longer.
@Suite(.serialized) struct ServeTests {
  /// A server on a free port, ended with the test.
  private final class Running {
    let process: Process
    let port: Int

    init(_ arguments: String...) throws {
      let scratch = try TemporaryDirectory()
      let notes = try scratch.write("", to: "notes")
      process = try Program.martlet.launchable(
        ["serve", Tiny.pack, "--port", "0", "--max-tokens", "8"] + arguments)
      process.standardError = try FileHandle(forWritingTo: URL(filePath: notes))
      try process.run()
      var port: Int?
      for _ in 0..<1200 where port == nil {
        usleep(50_000)
        let text = try String(contentsOfFile: notes, encoding: .utf8)
        let digits = text.components(separatedBy: "127.0.0.1:").dropFirst().first
        if digits?.contains("/") == true {
          port = digits.flatMap { Int($0.prefix { $0.isNumber }) }
        }
      }
      self.port = try #require(port)
    }

    deinit { process.terminate() }

    /// One request on a connection of its own.
    func ask(
      _ path: String, _ body: String? = nil, _ headers: [String: String] = [:]
    ) throws -> (status: Int, text: String) {
      var fields = ["Host": "127.0.0.1", "Connection": "close"]
      if let body {
        fields["Content-Type"] = "application/json"
        fields["Content-Length"] = "\(body.utf8.count)"
      }
      fields.merge(headers) { $1 }
      let head =
        "\(body == nil ? "GET" : "POST") \(path) HTTP/1.1\r\n"
        + fields.map { "\($0): \($1)\r\n" }.joined() + "\r\n"
      let answer = try Link(port: port).exchange(Array((head + (body ?? "")).utf8))
      let parts = answer.components(separatedBy: "\r\n\r\n")
      let status = try #require(
        parts[0].split(separator: " ").dropFirst().first.flatMap { Int($0) })
      let rest = parts.dropFirst().joined(separator: "\r\n\r\n")
      return (status, parts[0].contains("chunked") ? Self.joined(rest) : rest)
    }

    /// The chunks of HTTP/1.1 without their sizes; they hold ASCII only here.
    private static func joined(_ chunked: String) -> String {
      var bytes = Array(chunked.utf8)[...]
      var text: [UInt8] = []
      while let end = bytes.firstIndex(of: 13),
        let count = Int(String(decoding: bytes[..<end], as: UTF8.self), radix: 16), count > 0
      {
        bytes = bytes[(end + 2)...]
        text += bytes.prefix(count)
        bytes = bytes.dropFirst(count + 2)
      }
      return String(decoding: text, as: UTF8.self)
    }
  }

  /// A socket to this machine; what takes half a minute has failed.
  private final class Link {
    let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)

    init(port: Int) throws {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var patience = timeval(tv_sec: 30, tv_usec: 0)
      setsockopt(
        socket, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
      let code = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(code == 0)
    }

    deinit { close(socket) }

    /// Sends, and reads to the end.
    func exchange(_ bytes: [UInt8]) throws -> String {
      var sent = 0
      while sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
          send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count <= 0 { break }
        sent += count
      }
      var received: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = recv(socket, &buffer, buffer.count, 0)
        if count <= 0 { break }
        received += buffer[..<count]
      }
      return String(decoding: received, as: UTF8.self)
    }
  }

  private static func body(streams: Bool) throws -> String {
    let picture = Data(try SmallFile.bytes(of: Tiny.wide)).base64EncodedString()
    return """
      {"messages": [{"role": "user", "content": [{"type": "text", "text": "\(Tiny.question)"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,\(picture)"}}]}],
       "max_tokens": 6, "stream": \(streams)}
      """
  }

  @Test func answersAreThoseOfRunWholeAndStreamed() throws {
    let outcome = try Program.martlet.run(
      "run", Tiny.pack, "--image", Tiny.wide, "--prompt", Tiny.question, "--max-tokens", "6",
      "--json")
    let expected = try #require(JSONValue.only(in: outcome.output)["text"]?.string)
    let server = try Running()
    let whole = try server.ask("/v1/chat/completions", Self.body(streams: false))
    #expect(whole.status == 200)
    let answer = try JSONValue.only(in: whole.text)
    let message = answer["choices"]?.array?.first?["message"]
    #expect(
      message?["content"]?.string?.trimmingCharacters(in: .whitespacesAndNewlines) == expected)
    #expect(answer["usage"]?["completion_tokens"]?.int == 6)
    #expect((answer["timings_ms"]?["first_token"]?.double ?? 0) > 0)
    let stream = try server.ask("/v1/chat/completions", Self.body(streams: true))
    let events = stream.text.components(separatedBy: "\n\n").dropLast()
    #expect(events.last == "data: [DONE]")
    let pieces = try events.dropLast().map { event in
      try JSONValue.only(in: String(event.dropFirst("data: ".count)))["choices"]?.array?.first?[
        "delta"]?["content"]?.string ?? ""
    }
    #expect(pieces.count > 2)
    #expect(pieces.joined() == message?["content"]?.string)
  }

  @Test func refusalsNameTheirReasonAndTheServerGoesOn() throws {
    let server = try Running("--max-body", "64K")
    let text = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]"
    for (body, status, reason) in [
      (text + ", \"n\": 3}", 400, "n is not supported"),
      (text + ", \"model\": \"other\"}", 404, "no such model"),
      (text + ", \"stream\": \"yes\"}", 400, "wrong value for stream"),
      (String(repeating: " ", count: 100_000), 413, "expected: a body of at most 65536 bytes"),
      ("{", 400, "not JSON"),
    ] {
      let answer = try server.ask("/v1/chat/completions", body)
      #expect(answer.status == status)
      let message = try JSONValue.only(in: answer.text)["error"]?["message"]?.string ?? ""
      #expect(message.contains(reason), "\(message)")
    }
    #expect(try server.ask("/v1/chat/completions").status == 405)
    #expect(try server.ask("/elsewhere").status == 404)
    #expect(
      try server.ask("/v1/chat/completions", text + "}", ["Content-Type": "text/plain"])
        .status == 415)
    #expect(try server.ask("/health", nil, ["Host": "somewhere.example"]).status == 403)
    #expect(try server.ask("/v1/chat/completions", text + "}").status == 200)
    let metrics = try server.ask("/metrics").text
    #expect(metrics.contains("martlet_responses_total{status=\"400\"} 3\n"))
    #expect(metrics.contains("martlet_body_bytes 0\n"))
  }

  @Test func aKeyIsWantedWhereOneIsGiven() throws {
    let directory = try TemporaryDirectory()
    let server = try Running("--key-file", directory.write("secret\n", to: "key"))
    #expect(try server.ask("/health").status == 200)
    #expect(try server.ask("/v1/models").status == 401)
    for wrong in ["secre", "secret2", "Secret", ""] {
      let answer = try server.ask("/v1/models", nil, ["Authorization": "Bearer " + wrong])
      #expect(answer.status == 401)
    }
    let answer = try server.ask("/v1/models", nil, ["Authorization": "Bearer secret"])
    #expect(answer.status == 200)
  }

  @Test func otherMachinesAreLetInOnlyOnPurpose() throws {
    let outcome = try Program.martlet.run("serve", Tiny.pack, "--host", "0.0.0.0")
    #expect(outcome.code == 64)
    #expect(outcome.headline == "error: other machines could use the server without a key")
  }

  @Test func itEndsWhenToldTo() throws {
    let server = try Running()
    server.process.terminate()
    server.process.waitUntilExit()
    #expect(server.process.terminationReason == .exit)
    #expect(server.process.terminationStatus == 0)
  }
}

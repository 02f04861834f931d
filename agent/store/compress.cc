#include "agent/store/compress.h"

#include <zlib.h>

#include <cstdint>
#include <stdexcept>

namespace pgvigil {
namespace {

constexpr int level = 6;
constexpr std::size_t largest = std::size_t{256} << 20;
constexpr std::size_t header = 4;  // the length before compression, little-endian

}  // namespace

std::string compressed(std::string_view text) {
  uLongf size = compressBound(static_cast<uLong>(text.size()));
  std::string out(header + size, '\0');
  for (std::size_t i = 0; i < header; ++i) out[i] = static_cast<char>((text.size() >> (8 * i)) & 0xFF);
  if (text.size() > largest ||
      compress2(reinterpret_cast<Bytef*>(out.data() + header), &size, reinterpret_cast<const Bytef*>(text.data()),
                static_cast<uLong>(text.size()), level) != Z_OK)
    throw std::length_error("too large to be kept");
  out.resize(header + size);
  return out;
}

std::optional<std::string> decompressed(std::string_view bytes) {
  if (bytes.size() < header) return std::nullopt;
  std::size_t length = 0;
  for (std::size_t i = 0; i < header; ++i)
    length |= static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  if (length > largest) return std::nullopt;
  std::string out(length, '\0');
  auto size = static_cast<uLongf>(length);
  const int code =
      uncompress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data() + header),
                 static_cast<uLong>(bytes.size() - header));
  if (code != Z_OK || size != length) return std::nullopt;
  return out;
}

}  // namespace pgvigil

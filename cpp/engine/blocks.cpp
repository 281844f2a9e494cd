#include "engine/blocks.hpp"

#include "engine/placement.hpp"
#include "kernels/select.hpp"

namespace instep {
namespace {

// Where n elements are to be stored: in place, or in the room, from which they are scattered.
char* room_of(const Stream& stream, const Cursor& cursor, char* room) {
  return stream.in_rows() ? cursor.element() : room;
}

void finish(const Stream& stream, const Cursor& cursor, std::int64_t n, const void* room) {
  if (!stream.in_rows()) cursor.scatter(n, room);
}

}  // namespace

void Blocks::go(std::int64_t begin) {
  if (written_.has_rest) rest_.go(written_.rest, begin);
  if (written_.has_copy) copy_.go(written_.copy, begin);
  if (written_.by_chance != 0) indices_.go(written_.indices.stream, begin);
}

std::int64_t Blocks::most_converted(std::int64_t n) const {
  if (written_.has_rest) n = std::min(n, most_of(written_.rest, rest_));
  if (written_.has_copy) n = std::min(n, most_of(written_.copy, copy_));
  return std::min(n, most_in_block());
}

std::int64_t Blocks::most_to_line_converted(std::int64_t n) const {
  for (int k = 0; k < written_.count; ++k) {
    const Stream& stream = written_.streams[k];
    if (written_.is_narrow(stream) || !stream.in_rows()) continue;
    const std::int64_t lead_in = elements_to_line(cursors_[k].element(), stream.item_size());
    return lead_in == 0 ? n : std::min(n, lead_in);
  }
  return n;
}

void Blocks::advance_converted(std::int64_t n) {
  if (written_.has_rest) rest_.advance(n);
  if (written_.has_copy) copy_.advance(n);
  if (written_.by_chance != 0) indices_.advance(n);
  filled_pair_ = -1;
}

void Blocks::widen(int k, std::int64_t n) {
  const Stream& stream = written_.streams[k];
  const StorageLoops& loops = chosen_table().storage;
  const char* const stored = stored_elements(stream, cursors_[k], n, scratch_.stored);
  blocks_[k] = scratch_.of_written(k);
  if (k == param_place && written_.has_rest) {
    const char* const rest = stored_elements(written_.rest, rest_, n, scratch_.rest);
    loops.join(stored, rest, blocks_[k], n);
  } else {
    loops.widen[stream.dtype()](stored, blocks_[k], n);
  }
}

void Blocks::narrow(int k, std::int64_t n) {
  const Stream& stream = written_.streams[k];
  const StorageLoops& loops = chosen_table().storage;
  char* const to = room_of(stream, cursors_[k], scratch_.stored);
  if (k == param_place && written_.has_rest) {
    char* const rest = room_of(written_.rest, rest_, scratch_.rest);
    loops.split(blocks_[k], to, rest, n);
    finish(written_.rest, rest_, n, rest);
  } else if (written_.is_by_chance(k)) {
    const int slot = written_.slots[k];
    loops.by_chance[stream.dtype()][slot % 2](blocks_[k], random(slot / 2, n), to, n);
  } else {
    loops.to_nearest[stream.dtype()][written_.working](blocks_[k], to, n);
  }
  finish(stream, cursors_[k], n, to);
}

void Blocks::store_copy(std::int64_t n) {
  // What was rounded is what the parameter is.
  if (written_.is_narrow(written_.streams[param_place])) widen(param_place, n);
  char* const to = room_of(written_.copy, copy_, scratch_.stored);
  chosen_table().storage.to_nearest[written_.copy.dtype()][written_.working](blocks_[param_place],
                                                                             to, n);
  finish(written_.copy, copy_, n, to);
}

void Blocks::copy_param(std::int64_t n) {
  const Stream& param = written_.streams[param_place];
  if (!written_.is_narrow(param)) {
    blocks_[param_place] =
        stored_elements(param, cursors_[param_place], n, scratch_.of_written(param_place));
  }
  store_copy(n);
}

const std::uint32_t* Blocks::random(int pair, std::int64_t n) {
  if (pair != filled_pair_) {
    random_words(random_key_, pair, written_.indices, indices_, n, scratch_.random);
    filled_pair_ = pair;
  }
  return scratch_.random;
}

}  // namespace instep

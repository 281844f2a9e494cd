// What takes the place of an optimizer's content, all of it or nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "bindings/array.hpp"
#include "engine/stream.hpp"

namespace instep {

// The new content of arrays that are stepped.
class Contents {
 public:
  // Both streams have `size` elements in the same order.
  void add(const Stream& from, const Stream& to, std::int64_t size);

  // Copies all of it.
  void write() const;

 private:
  struct Content {
    Stream from, to;
    std::int64_t size;
  };

  std::vector<Content> contents_;
  std::int64_t bytes_ = 0;
};

// Sets an attribute of each object, of all of them or, where that fails, of none: past __setattr__,
// which is Python code that can be interrupted. The former values live as long as this does: to let
// go of them may call what a user wrote.
class AttributeChange {
 public:
  AttributeChange(const std::vector<py::object>& objects, const char* name,
                  const std::vector<py::object>& values);

 private:
  std::vector<py::object> former_;
};

}  // namespace instep

import assert from "node:assert/strict";
import { test } from "node:test";
import { meaning } from "../../moe_viz/components/presenter/keys.js";

// An element as far as it is asked: which parts of the selector it matches.
const element = (...kinds) => ({ matches: (selector) => kinds.some((kind) => selector.split(", ").some((part) => part.startsWith(kind))) });
const page = [element("body"), {}];

test("arrow keys step and Escape leaves", () => {
  assert.equal(meaning({ key: "ArrowRight" }, page), 1);
  assert.equal(meaning({ key: "ArrowLeft" }, page), -1);
  assert.equal(meaning({ key: "Escape" }, page), "leave");
  for (const key of ["ArrowUp", "ArrowDown", " ", "Enter", "a", "toString"]) assert.equal(meaning({ key }, page), null);
});

test("keys with a modifier, or that another took, are left alone", () => {
  for (const taken of ["altKey", "ctrlKey", "metaKey", "shiftKey", "defaultPrevented"]) {
    for (const key of ["ArrowRight", "Escape"]) assert.equal(meaning({ key, [taken]: true }, page), null);
  }
});

test("whatever has arrow keys of its own keeps them", () => {
  for (const kind of ["input", "textarea", "select", "canvas", "[role='slider']", "[role='listbox']", "[role='radio']"]) {
    assert.equal(meaning({ key: "ArrowRight" }, [element(kind), ...page]), null, kind);
  }
  for (const kind of ["button", "[role='button']", "[role='main']"]) {
    assert.equal(meaning({ key: "ArrowRight" }, [element(kind), ...page]), 1, kind);
  }
});

test("Escape first closes what is open", () => {
  assert.equal(meaning({ key: "Escape" }, [element("[role='dialog']"), ...page]), null);
  assert.equal(meaning({ key: "Escape" }, [element("input"), ...page]), null);
  assert.equal(meaning({ key: "Escape" }, [element("[role='listbox']"), ...page]), "leave");
});

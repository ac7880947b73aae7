package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class JsonWriterTest {
  @Test
  void layoutIsThatOfQemu() {
    String json =
        new JsonWriter()
            .beginObject()
            .member("size", 1L)
            .beginArray("flags")
            .endArray()
            .beginObject("data")
            .member("name", "x")
            .member("on", false)
            .beginArray("list")
            .element("auto")
            .element("in-use")
            .endArray()
            .endObject()
            .endObject()
            .toString();
    assertThat(json)
        .isEqualTo(
            """
            {
                "size": 1,
                "flags": [
                ],
                "data": {
                    "name": "x",
                    "on": false,
                    "list": [
                        "auto",
                        "in-use"
                    ]
                }
            }
            """);
  }

  @Test
  void namesAreEscapedToPrintableAscii() {
    String json =
        new JsonWriter()
            .beginArray()
            .element("\"\\/\b\f\n\r\t\u0001\u007f\u00e9\ud83d\ude00\ud800")
            .endArray()
            .toString();
    assertThat(json)
        .isEqualTo(
            "[\n    \"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u007F\\u00E9\\uD83D\\uDE00\\uFFFD\"\n]\n");
  }
}

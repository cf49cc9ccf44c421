/** Thrown inside the wire where a value is met that cannot be encoded; `refusal` then says which, and where. */
export class NotEncodable extends Error {
  override readonly name = "NotEncodable";
}

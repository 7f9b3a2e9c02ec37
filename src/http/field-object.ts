/** An object whose keys are the names of fields. */

/**
 * A constructor, unlike `Object.create(null)`, makes objects whose properties are as fast as those of others. The type checker
 * knows no plain function as a constructor, and a class cannot be given another prototype.
 */
const FieldObject = function FieldObject() {} as unknown as new () => Record<string, never>;
FieldObject.prototype = Object.create(null) as object;

/** Has no properties at all, not even inherited ones: a field may be named `constructor` or `__proto__`. */
export const createFieldObject = <Value>(): Record<string, Value> =>
  new FieldObject() as Record<string, Value>;

/** URLs in messages, without the user and the password that they may hold. */

/** The last @ ends the user of a URL that is malformed, as with a / in its password. */
const USER = /\/\/[^\s"']*@/g;

export const hideUser = (text: string): string => text.replaceAll(USER, '//***@');

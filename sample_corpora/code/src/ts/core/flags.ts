export interface Rule {
  enabled: boolean;
  percent?: number;
  users?: string[];
  countries?: string[];
}

export interface Visitor {
  id: string;
  country?: string;
}

function bucket(text: string): number {
  let hash = 2166136261;
  for (let i = 0; i < text.length; i++) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 16777619);
  }
  return (hash >>> 0) % 100;
}

export class Flags {
  constructor(private rules: Record<string, Rule>) {}

  isOn(name: string, visitor: Visitor): boolean {
    const rule = this.rules[name];
    if (!rule || !rule.enabled) return false;
    if (rule.users?.includes(visitor.id)) return true;
    if (rule.countries && !rule.countries.includes(visitor.country ?? "")) return false;
    if (rule.percent === undefined) return rule.users === undefined;
    // The name takes part so that the same people are not first every time.
    return bucket(`${name}:${visitor.id}`) < rule.percent;
  }

  replace(rules: Record<string, Rule>): void {
    this.rules = rules;
  }

  active(visitor: Visitor): string[] {
    return Object.keys(this.rules).filter((name) => this.isOn(name, visitor));
  }
}

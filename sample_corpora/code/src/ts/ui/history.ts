export interface Command {
  label: string;
  apply(): void;
  revert(): void;
}

export class History {
  private past: Command[] = [];
  private future: Command[] = [];

  constructor(private readonly depth = 200) {}

  run(command: Command): void {
    command.apply();
    this.past.push(command);
    if (this.past.length > this.depth) this.past.shift();
    this.future = [];
  }

  undo(): string | null {
    const command = this.past.pop();
    if (!command) return null;
    command.revert();
    this.future.push(command);
    return command.label;
  }

  redo(): string | null {
    const command = this.future.pop();
    if (!command) return null;
    command.apply();
    this.past.push(command);
    return command.label;
  }

  get canUndo(): boolean {
    return this.past.length > 0;
  }

  get canRedo(): boolean {
    return this.future.length > 0;
  }
}
